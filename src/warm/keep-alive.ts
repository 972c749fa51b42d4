import type { Clock } from '../core/clock.ts'

/** How long something has been idle, and may be. */
export interface Idle {
  /** Undefined while it is in use. */
  readonly sinceMs: number | undefined
  /** Undefined: as long as all others. */
  readonly keepAliveMs: number | undefined
}

/**
 * Lets idle things go when their time is over. One timer for all, set for whoever may expire first and set anew when it
 * fires: using something costs no timer operation.
 */
export class KeepAlive<T> implements Disposable {
  readonly #clock: Clock
  readonly #idleOf: (each: T) => Idle
  readonly #all: () => Iterable<T>
  readonly #expire: (each: T) => void
  #keepAliveMs: number
  #timer: Disposable | undefined
  /** When it fires. */
  #dueMs = Infinity

  constructor(
    clock: Clock,
    keepAliveMs: number,
    all: () => Iterable<T>,
    idleOf: (each: T) => Idle,
    expire: (each: T) => void,
  ) {
    this.#clock = clock
    this.#keepAliveMs = keepAliveMs
    this.#all = all
    this.#idleOf = idleOf
    this.#expire = expire
  }

  /** Call it when something new is kept. */
  arm(each: T): void {
    const { keepAliveMs = this.#keepAliveMs } = this.#idleOf(each)
    this.#fireBy(this.#clock.monotonicMs() + keepAliveMs)
  }

  /** Counts for what is idle already. */
  setKeepAlive(keepAliveMs: number): void {
    this.#keepAliveMs = keepAliveMs
    this[Symbol.dispose]()
    this.#sweep()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#dueMs = Infinity
  }

  #fireBy(dueMs: number): void {
    if (dueMs >= this.#dueMs) return
    this[Symbol.dispose]()
    this.#dueMs = dueMs
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.monotonicMs()), () => this.#sweep())
  }

  #sweep(): void {
    this[Symbol.dispose]()
    const nowMs = this.#clock.monotonicMs()
    let nextMs = Infinity
    // Whoever expires leaves the set that is walked here, which sets allow.
    for (const each of this.#all()) {
      const { sinceMs = nowMs, keepAliveMs = this.#keepAliveMs } = this.#idleOf(each)
      const dueMs = sinceMs + keepAliveMs
      if (dueMs <= nowMs) this.#expire(each)
      else nextMs = Math.min(nextMs, dueMs)
    }
    this.#fireBy(nextMs)
  }
}
