import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DrainRate } from './drain-rate.ts'

test('the advice follows the gaps between grants, once per place', () => {
  const rate = new DrainRate()
  rate.began(5_000)
  for (const nowMs of [5_400, 5_800, 6_200]) rate.granted(nowMs)
  assert.equal(rate.retryAfterMs(1, 6_200), 400)
  assert.equal(rate.retryAfterMs(10, 6_200), 4_000)
})

test('time without a queue does not count', () => {
  const rate = new DrainRate()
  rate.began(0)
  rate.granted(400)
  rate.began(90_000)
  rate.granted(90_400)
  assert.equal(rate.retryAfterMs(1, 90_400), 400)
})

test('a standstill counts while it lasts', () => {
  const rate = new DrainRate()
  rate.began(0)
  rate.granted(100)
  assert.equal(rate.retryAfterMs(1, 3_100), 3_000)
})

test('the advice stays between a tenth of a second and a minute', () => {
  const rate = new DrainRate()
  rate.began(0)
  assert.equal(rate.retryAfterMs(1, 0), 100)
  assert.equal(rate.retryAfterMs(100, 9_000), 60_000)
})
