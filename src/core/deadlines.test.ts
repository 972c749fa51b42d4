import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deadlines } from './deadlines.ts'
import { ManualClock } from './manual-clock.ts'

const TICK_MS = 250

test('a deadline fires once, never early and at most a tick late', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  const firedMs: number[] = []
  for (const delayMs of [1, 249, 250, 251, 1000, 1333]) {
    deadlines.arm(delayMs, () => firedMs.push(clock.monotonicMs() - delayMs))
  }
  await clock.advance(10_000)
  assert.equal(firedMs.length, 6)
  assert.ok(firedMs.every((lateMs) => lateMs >= 0 && lateMs <= TICK_MS))
})

test('a disarmed deadline does not fire', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  const armed = deadlines.arm(100, () => assert.fail('fired'))
  deadlines.disarm(armed)
  deadlines.disarm(armed)
  await clock.advance(1000)
})

test('however many are armed, one timer serves them, and none is left when nothing is armed', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  assert.equal(clock.pendingTimers, 0)
  const armed = Array.from({ length: 1000 }, () => deadlines.arm(60_000, () => assert.fail('fired')))
  assert.equal(clock.pendingTimers, 1)
  await clock.advance(TICK_MS)
  assert.equal(clock.pendingTimers, 1)
  for (const each of armed) deadlines.disarm(each)
  await clock.advance(TICK_MS)
  assert.equal(clock.pendingTimers, 0)
})

test('deadlines armed one after the other cost a timer per tick, not one each', async () => {
  const clock = new ManualClock()
  let timers = 0
  const counting = {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs: number, callback: () => void) => {
      timers += 1
      return clock.setTimer(delayMs, callback)
    },
  }
  const deadlines = new Deadlines(counting)
  for (let request = 0; request < 1000; request += 1) {
    deadlines.disarm(deadlines.arm(60_000, () => assert.fail('fired')))
    await clock.advance(1)
  }
  assert.ok(timers <= 1000 / TICK_MS + 1, `${timers} timers`)
})

test('a deadline may arm another one when it fires', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  const fired: string[] = []
  deadlines.arm(100, () => {
    fired.push('first')
    deadlines.arm(100, () => fired.push('second'))
  })
  await clock.advance(TICK_MS)
  assert.deepEqual(fired, ['first'])
  await clock.advance(2 * TICK_MS)
  assert.deepEqual(fired, ['first', 'second'])
})
