import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Heartbeat } from '../util/heartbeat.ts'
import { threadCpuMicros } from '../util/thread-cpu.ts'

/** How often it is looked: four times a second cost an idle process a hundredth of a percent of a core. */
const PERIOD_MS = 250
/** Shorter delays are in the metric `errand_event_loop_lag_seconds`. */
const NOTABLE_MS = 1000

export interface LoopWatchDeps {
  readonly clock: Clock
  readonly log: Log
  /** CPU time of the thread that is watched, in microseconds since some fixed point. */
  readonly cpuMicros?: () => number
  /** What a watchdog in another thread looks at, and where it leaves what held the event loop up. */
  readonly heartbeat?: Pick<Heartbeat, 'beat' | 'rest' | 'takeStack'>
}

/**
 * Warns when the event loop stood still for more than a second: everything that was asked meanwhile is answered, but late.
 * Says how much CPU the thread took meanwhile: about as much as it lasted where our own code kept it busy, and next to none
 * where the process was stopped, or had no core to run on; and where our code was, if the watchdog has seen that. Ends when
 * disposed.
 */
export class LoopWatch implements Disposable {
  readonly #clock: Clock
  readonly #log: Log
  readonly #cpuMicros: () => number
  readonly #heartbeat: LoopWatchDeps['heartbeat']
  #timer: Disposable | undefined
  #dueMs = 0
  #cpuBefore = 0

  constructor({ clock, log, cpuMicros = threadCpuMicros, heartbeat }: LoopWatchDeps) {
    this.#clock = clock
    this.#log = log
    this.#cpuMicros = cpuMicros
    this.#heartbeat = heartbeat
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#heartbeat?.rest()
  }

  #arm(): void {
    this.#dueMs = this.#clock.monotonicMs() + PERIOD_MS
    this.#cpuBefore = this.#cpuMicros()
    this.#timer = this.#clock.setTimer(PERIOD_MS, () => this.#look())
  }

  #look(): void {
    this.#heartbeat?.beat()
    const stack = this.#heartbeat?.takeStack()
    const blockedMs = Math.round(this.#clock.monotonicMs() - this.#dueMs)
    if (blockedMs >= NOTABLE_MS) {
      const cpuMs = Math.round((this.#cpuMicros() - this.#cpuBefore) / 1000)
      const facts = { blockedMs, cpuMs, ...(stack !== undefined && { stack }) }
      this.#log.warn(facts, 'the event loop stood still: what was asked meanwhile is answered late')
    }
    this.#arm()
  }
}
