import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/manual-clock.ts'
import { FailureLimit } from './failure-limit.ts'

function countMany(limit: FailureLimit, peer: string, times: number): (number | undefined)[] {
  return Array.from({ length: times }, () => limit.count(peer))
}

test('ten failures of one peer in a minute pass; the next has to wait for its end', async () => {
  const clock = new ManualClock()
  const limit = new FailureLimit(clock)
  assert.deepEqual(countMany(limit, 'a', 10), Array(10).fill(undefined))
  await clock.advance(20_000)
  assert.equal(limit.count('a'), 40_000)
  assert.equal(limit.count('b'), undefined)
  await clock.advance(40_000)
  assert.equal(limit.count('a'), undefined)
})

test('of very many peers the one that began first is forgotten', () => {
  const limit = new FailureLimit(new ManualClock())
  countMany(limit, 'first', 11)
  countMany(limit, 'second', 11)
  for (let i = 0; i < 9999; i += 1) limit.count(`peer ${i}`)
  assert.equal(limit.count('second'), 60_000)
  assert.equal(limit.count('first'), undefined)
})
