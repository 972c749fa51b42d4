import type { Clock } from './clock.ts'

/** How late a deadline may fire. */
const TICK_MS = 250

/** A deadline that has not passed yet. */
export interface Armed {
  readonly dueMs: number
  readonly onDue: () => void
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

  /** Calls `onDue` unless disarmed within `delayMs` (at most one tick late). */
  arm(delayMs: number, onDue: () => void): Armed {
    const entry = { dueMs: this.#clock.monotonicMs() + delayMs, onDue }
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
      entry.onDue()
    }
  }
}
