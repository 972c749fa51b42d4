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
  rate.granted(9_000)
  assert.equal(rate.retryAfterMs(100, 9_000), 60_000)
})

test('many who are served at once are many places', () => {
  const rate = new DrainRate()
  for (const startedMs of [0, 1_000, 2_000]) {
    rate.began(startedMs)
    for (let served = 0; served < 100; served += 1) rate.granted(startedMs + 500)
  }
  assert.equal(rate.retryAfterMs(1_000, 2_500), 5_000)
})

test('a queue that has never moved is expected to take as long again as it has stood', () => {
  const rate = new DrainRate()
  rate.began(0)
  assert.equal(rate.retryAfterMs(1_000, 700), 700)
  assert.equal(rate.retryAfterMs(1_000, 1_400), 1_400)
})

test('what a queue did long ago is forgotten', () => {
  const rate = new DrainRate()
  rate.began(0)
  for (let served = 0; served < 100; served += 1) rate.granted(100)
  for (let nowMs = 5_100; nowMs <= 60_100; nowMs += 5_000) rate.granted(nowMs)
  const adviceMs = rate.retryAfterMs(1, 60_100)
  assert.ok(adviceMs > 4_000 && adviceMs <= 5_000, `${adviceMs} ms`)
})
