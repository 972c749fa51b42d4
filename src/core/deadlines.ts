import type { Cancellation } from './cancellation.ts'
import type { Clock } from './clock.ts'
import type { ErrandError } from './errors.ts'

/** How late a deadline may fire. */
const TICK_MS = 250

interface Armed {
  readonly cancellation: Cancellation
  readonly dueMs: number
  readonly reason: () => ErrandError
}

/**
 * Deadlines of many short requests on one coarse tick: a request costs an entry in a set, not a timer. The tick stops
 * once it finds nothing armed, so an idle process has no timer either.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #armed = new Set<Armed>()
  #isTicking = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Cancels with `reason()` unless disarmed within `delayMs` (at most one tick late). */
  arm(cancellation: Cancellation, delayMs: number, reason: () => ErrandError): Armed {
    const entry = { cancellation, dueMs: this.#clock.monotonicMs() + delayMs, reason }
    this.#armed.add(entry)
    if (!this.#isTicking) this.#nextTick()
    return entry
  }

  disarm(entry: Armed): void {
    this.#armed.delete(entry)
  }

  #nextTick(): void {
    this.#isTicking = true
    this.#clock.setTimer(TICK_MS, () => this.#sweep())
  }

  #sweep(): void {
    this.#isTicking = false
    if (this.#armed.size > 0) this.#nextTick()
    const nowMs = this.#clock.monotonicMs()
    for (const entry of this.#armed) {
      if (entry.dueMs > nowMs) continue
      this.#armed.delete(entry)
      entry.cancellation.cancel(entry.reason())
    }
  }
}
