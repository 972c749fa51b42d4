import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../core/log.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { NameWatch } from './name-watch.ts'

interface Bench extends AsyncDisposable {
  readonly engine: FakeEngine
  readonly clock: ManualClock
  /** Checks begun. */
  readonly checks: PromiseWithResolvers<void>[]
}

async function open(): Promise<Bench> {
  const clock = new ManualClock()
  const engine = new FakeEngine({ clock })
  const checks: PromiseWithResolvers<void>[] = []
  const recheck = (): Promise<void> => {
    const check = Promise.withResolvers<void>()
    checks.push(check)
    return check.promise
  }
  const watch = new NameWatch({ images: engine.images, clock, log: silentLog, recheck })
  watch.start()
  await settle()
  return {
    engine,
    clock,
    checks,
    async [Symbol.asyncDispose]() {
      for (const { resolve } of checks) resolve()
      await watch[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
    },
  }
}

test('names are checked when the watch begins and when the engine tells of a change', async () => {
  await using bench = await open()
  assert.equal(bench.checks.length, 1)
  bench.checks[0]?.resolve()
  await settle()
  bench.engine.addImage('a', {})
  await settle()
  assert.equal(bench.checks.length, 2)
})

test('a burst of events during a check causes one more, also after one that failed', async () => {
  await using bench = await open()
  for (let images = 0; images < 50; images += 1) bench.engine.addImage(`image-${images}`, {})
  await settle()
  assert.equal(bench.checks.length, 1)
  bench.checks[0]?.reject(new Error('the engine is busy'))
  await settle()
  assert.equal(bench.checks.length, 2)
  bench.checks[1]?.resolve()
  await settle()
  assert.equal(bench.checks.length, 2)
})

test('after a broken stream it listens again, and checks for what it may have missed', async () => {
  await using bench = await open()
  bench.checks[0]?.resolve()
  await settle()
  bench.engine.dropEvents()
  await bench.clock.advance(200)
  assert.equal(bench.engine.calls.imageEvents, 2)
  assert.equal(bench.checks.length, 2)
})
