import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { nodeUnavailable } from './connection-error.ts'
import { RetryPatience } from './retry-patience.ts'

const FOREVER = new AbortController().signal
const GONE = nodeUnavailable('gone')

/** The delays before each of so many further attempts. */
async function delaysOf(
  clock: ManualClock,
  patience: RetryPatience,
  error: unknown,
  attempts: number,
): Promise<number[]> {
  const delays: number[] = []
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const beganMs = clock.monotonicMs()
    let isOver = false
    const again = patience.again(error, FOREVER).finally(() => {
      isOver = true
    })
    again.catch(() => {})
    await settle()
    while (!isOver) await clock.advance(50)
    await again
    delays.push(clock.monotonicMs() - beganMs)
  }
  return delays
}

test('delays double up to 5 s, by half of each at random', async () => {
  const clock = new ManualClock()
  const most = new RetryPatience({ clock, random: () => 1 }, Infinity)
  assert.deepEqual(await delaysOf(clock, most, GONE, 8), [100, 200, 400, 800, 1600, 3200, 5000, 5000])
  const least = new RetryPatience({ clock, random: () => 0 }, Infinity)
  assert.deepEqual(await delaysOf(clock, least, GONE, 3), [50, 100, 200])
  least.renew()
  assert.deepEqual(await delaysOf(clock, least, GONE, 2), [50, 100])
})

test('a delay that the node names is kept, never less, and bounded', async () => {
  const clock = new ManualClock()
  const paused = new ErrandError('paused', '', { retryAfterMs: 2000 })
  const patience = new RetryPatience({ clock, random: () => 0 }, Infinity)
  assert.deepEqual(await delaysOf(clock, patience, paused, 2), [2000, 2000])
  const later = new RetryPatience({ clock, random: () => 1 }, Infinity)
  assert.deepEqual(await delaysOf(clock, later, paused, 1), [2400])
  const never = new ErrandError('queue_full', '', { retryAfterMs: 1e15 })
  assert.deepEqual(await delaysOf(clock, later, never, 1), [60_000])
})

test('it ends before a delay that would go beyond it, counted from the first failure in a row', async () => {
  const clock = new ManualClock()
  const patience = new RetryPatience({ clock, random: () => 1 }, 1000)
  await delaysOf(clock, patience, GONE, 3)
  await assert.rejects(patience.again(GONE, FOREVER), GONE)
  patience.renew()
  await delaysOf(clock, patience, GONE, 3)
  await assert.rejects(patience.again(GONE, FOREVER), GONE)
  await assert.rejects(new RetryPatience({ clock, random: () => 0 }, 0).again(GONE, FOREVER), GONE)
})

test('it can last longer once the node has answered', async () => {
  const clock = new ManualClock()
  const patience = new RetryPatience({ clock, random: () => 1 }, 0, Infinity)
  await assert.rejects(patience.again(GONE, FOREVER), GONE)
  patience.renew()
  assert.equal((await delaysOf(clock, patience, GONE, 20)).length, 20)
})

test('what does not pass is thrown at once', async () => {
  const patience = new RetryPatience({ clock: new ManualClock(), random: () => 0 }, Infinity)
  for (const error of [
    new ErrandError('not_found', ''),
    new ErrandError('paused', ''),
    new ErrandError('internal', '', { retryAfterMs: 1 }),
    new ErrandError('image_pull_timeout', '', { retryAfterMs: 1 }),
    new TypeError('a fault of ours'),
  ]) {
    await assert.rejects(patience.again(error, FOREVER), error)
  }
})

test('an abort ends the waiting, and leaves no timer', async () => {
  const clock = new ManualClock()
  const patience = new RetryPatience({ clock, random: () => 0 }, Infinity)
  const controller = new AbortController()
  const again = patience.again(GONE, controller.signal)
  const reason = new Error('left')
  controller.abort(reason)
  await assert.rejects(again, reason)
  await assert.rejects(patience.again(GONE, controller.signal), reason)
  assert.equal(clock.pendingTimers, 0)
})
