import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueTimeLeft, timeLeft } from './time-left.ts'

const BEGAN = 1_000_000
const HOUR = 3_600_000

interface Case {
  /** By the monotonic clock. */
  readonly ranMs: number
  /** By how much the wall clock was set meanwhile. */
  readonly setMs?: number
  /** By the wall clock; undefined while it runs. */
  readonly finishedMs?: number
  /** As records of an earlier version are. */
  readonly isOld?: boolean
}

function after({ ranMs, setMs = 0, finishedMs, isOld = false }: Case): number {
  return timeLeft({
    timeoutMs: 5000,
    record: {
      times: { acceptedMs: 0, runningMs: BEGAN },
      host: { bootId: 'b', ...(!isOld && { runningMonotonicMs: 700 }) },
    },
    clock: { wallMs: () => BEGAN + ranMs + setMs, monotonicMs: () => 700 + ranMs },
    exit: finishedMs === undefined ? undefined : { exitCode: 0, isOomKilled: false, finishedMs },
  })
}

test('F44: what runs has what is left of its time, and none when that has passed', () => {
  for (const isOld of [false, true]) {
    assert.deepEqual(
      [0, 3000, 5000, 9000].map((ranMs) => after({ ranMs, isOld })),
      [5000, 2000, 0, 0],
    )
  }
})

test('F15: a clock that was set while no daemon lived takes and gives no time', () => {
  for (const setMs of [-24 * HOUR, -HOUR, HOUR, 24 * HOUR]) assert.equal(after({ ranMs: 3000, setMs }), 2000)
})

test('F15: where only the wall clock tells, one that was set back adds no time', () => {
  assert.equal(after({ ranMs: 3000, setMs: -HOUR, isOld: true }), 5000)
})

test('F44: what ended in time is never late, and what ended later is, whenever that is found', () => {
  assert.equal(after({ ranMs: HOUR, finishedMs: BEGAN + 4000 }), Infinity)
  assert.equal(after({ ranMs: HOUR, finishedMs: BEGAN + 5001 }), 0)
})

test('F15: nor is what ended in time late by a clock that was set before its end', () => {
  assert.equal(after({ ranMs: 3000, setMs: HOUR, finishedMs: BEGAN + HOUR + 2000 }), Infinity)
})

test('what waits has what is left of its time, from when it was queued, or else accepted, until it had its resources', () => {
  const left = (times: { acceptedMs: number; queuedMs?: number; pullingMs?: number }, nowMs: number): number =>
    queueTimeLeft({ queueTimeoutMs: 5000, record: { times }, clock: { wallMs: () => nowMs } })
  assert.equal(left({ acceptedMs: BEGAN }, BEGAN + 2000), 3000)
  assert.equal(left({ acceptedMs: 0, queuedMs: BEGAN }, BEGAN + 2000), 3000)
  assert.equal(left({ acceptedMs: 0, queuedMs: BEGAN, pullingMs: BEGAN + 1000 }, BEGAN + HOUR), 4000)
  assert.equal(left({ acceptedMs: BEGAN }, BEGAN + HOUR), 0)
  // A clock that was set back gives no more time than there was.
  assert.equal(left({ acceptedMs: BEGAN }, BEGAN - HOUR), 5000)
})
