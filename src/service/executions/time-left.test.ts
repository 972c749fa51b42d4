import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeLeft } from './time-left.ts'

const BEGAN = 1_000_000
const HOUR = 3_600_000

function after(ranMs: number, finishedMs?: number): number {
  const exit = finishedMs === undefined ? undefined : { exitCode: 0, isOomKilled: false, finishedMs }
  return timeLeft({ timeoutMs: 5000, beganMs: BEGAN, nowMs: BEGAN + ranMs, exit })
}

test('F44: what runs has what is left of its time, and none when that has passed', () => {
  assert.deepEqual(
    [0, 3000, 5000, 9000].map((ranMs) => after(ranMs)),
    [5000, 2000, 0, 0],
  )
})

test('F15: a clock that was set back adds no time', () => {
  assert.equal(after(-HOUR), 5000)
  assert.equal(after(-24 * HOUR), 5000)
})

test('F44: what ended in time is never late, and what ended later is, whenever that is found', () => {
  assert.equal(after(HOUR, BEGAN + 4000), Infinity)
  assert.equal(after(HOUR, BEGAN + 5001), 0)
})

test('what ended at a time that nobody tells is not late', () => {
  const exit = { exitCode: 0, isOomKilled: false }
  assert.equal(timeLeft({ timeoutMs: 5000, beganMs: BEGAN, nowMs: BEGAN + HOUR, exit }), Infinity)
})
