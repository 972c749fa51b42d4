import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import type { Clock } from '../core/clock.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { Heartbeat } from '../util/heartbeat.ts'
import { LoopWatch } from './loop-watch.ts'

const WARNING = 'the event loop stood still: what was asked meanwhile is answered late'

/** A clock whose timers are late, as those of a process are whose event loop is blocked. */
class LateClock implements Clock {
  readonly #inner = new ManualClock()
  lateMs = 0

  wallMs(): number {
    return this.monotonicMs()
  }

  monotonicMs(): number {
    return this.#inner.monotonicMs() + this.lateMs
  }

  setTimer(delayMs: number, callback: () => void): Disposable {
    return this.#inner.setTimer(delayMs, callback)
  }

  get pendingTimers(): number {
    return this.#inner.pendingTimers
  }

  advance(ms: number): Promise<void> {
    return this.#inner.advance(ms)
  }
}

test('F11: an event loop that stood still for a second or more is warned of once, with how long and how busy', async () => {
  const [clock, log] = [new LateClock(), new RecordingLog()]
  let cpuMs = 0
  using _watch = new LoopWatch({ clock, log, cpuMicros: () => cpuMs * 1000 })
  await clock.advance(10_000)
  clock.lateMs += 999
  await clock.advance(10_000)
  assert.deepEqual(log.lines, [])
  clock.lateMs += 5000
  cpuMs += 4900
  await clock.advance(10_000)
  assert.deepEqual(log.factsOf(WARNING), [{ blockedMs: 5000, cpuMs: 4900 }])
  clock.lateMs += 1000
  await clock.advance(10_000)
  assert.deepEqual(log.factsOf(WARNING).slice(1), [{ blockedMs: 1000, cpuMs: 0 }])
  assert.equal(log.lines.length, 2)
})

test('F11: the warning has the stack that the watchdog has left of it, and of no other time', async () => {
  const [clock, log, heartbeat] = [new LateClock(), new RecordingLog(), new Heartbeat()]
  using watch = new LoopWatch({ clock, log, cpuMicros: () => 0, heartbeat })
  await clock.advance(1000)
  assert.equal(heartbeat.beats, 4)
  heartbeat.leaveStack(['spin', 'main'])
  clock.lateMs += 5000
  await clock.advance(1000)
  heartbeat.leaveStack(['too late'])
  await clock.advance(1000)
  clock.lateMs += 5000
  await clock.advance(1000)
  assert.deepEqual(
    log.factsOf(WARNING).map(({ stack }) => stack),
    [['spin', 'main'], undefined],
  )
  watch[Symbol.dispose]()
  assert.equal(heartbeat.beats, 0, 'a process that takes long to end is not held up')
})

test('a watch over the event loop has one timer, and none once it has ended', async () => {
  const clock = new LateClock()
  const watch = new LoopWatch({ clock, log: new RecordingLog() })
  await clock.advance(1000)
  assert.equal(clock.pendingTimers, 1)
  watch[Symbol.dispose]()
  assert.equal(clock.pendingTimers, 0)
})
