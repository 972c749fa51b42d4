import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/manual-clock.ts'
import { IdleCollection } from './idle-collection.ts'

test('a thread that has worked collects in its first two idle periods, and not again before it has worked again', async () => {
  const clock = new ManualClock()
  let cpuMs = 0
  let collections = 0
  const deps = { clock, cpuMicros: () => cpuMs * 1000, collect: () => (collections += 1) }
  const watch = new IdleCollection(deps)
  const counts: number[] = []
  for (const spentMs of [0, 99, 100, 5000, 99, 0, 0, 100, 0, 100, 0, 0, 0]) {
    cpuMs += spentMs
    await clock.advance(10_000)
    counts.push(collections)
  }
  assert.deepEqual(counts, [0, 0, 0, 0, 1, 2, 2, 2, 3, 3, 4, 5, 5])
  watch[Symbol.dispose]()
  assert.equal(clock.pendingTimers, 0)
})
