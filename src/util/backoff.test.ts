import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'

test('delays double up to the longest, and begin anew after a reset', () => {
  const backoff = new Backoff(100, 500)
  assert.deepEqual([backoff.nextMs(), backoff.nextMs(), backoff.nextMs(), backoff.nextMs()], [100, 200, 400, 500])
  assert.equal(backoff.tries, 4)
  backoff.reset()
  assert.deepEqual([backoff.tries, backoff.nextMs()], [0, 100])
})

test('a delay stays finite after however many tries', () => {
  const backoff = new Backoff(1, 10_000)
  for (let tries = 0; tries < 5000; tries += 1) backoff.nextMs()
  assert.equal(backoff.nextMs(), 10_000)
})
