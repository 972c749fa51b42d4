import type { Clock } from '../core/clock.ts'

/**
 * Lets idle things go when their time is over. One timer for all, set for whoever may expire first and set anew when it
 * fires: using something costs no timer operation.
 */
export class KeepAlive<T> implements Disposable {
  readonly #clock: Clock
  readonly #idleSince: (each: T) => number | undefined
  readonly #all: () => Iterable<T>
  readonly #expire: (each: T) => void
  #keepAliveMs: number
  #timer: Disposable | undefined

  constructor(
    clock: Clock,
    keepAliveMs: number,
    all: () => Iterable<T>,
    idleSince: (each: T) => number | undefined,
    expire: (each: T) => void,
  ) {
    this.#clock = clock
    this.#keepAliveMs = keepAliveMs
    this.#all = all
    this.#idleSince = idleSince
    this.#expire = expire
  }

  /** Call it when something new is kept. */
  arm(): void {
    this.#timer ??= this.#clock.setTimer(this.#keepAliveMs, () => this.#sweep())
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
  }

  #sweep(): void {
    this.#timer = undefined
    const nowMs = this.#clock.monotonicMs()
    let nextMs = Infinity
    // Whoever expires leaves the set that is walked here, which sets allow.
    for (const each of this.#all()) {
      const dueMs = (this.#idleSince(each) ?? nowMs) + this.#keepAliveMs
      if (dueMs <= nowMs) this.#expire(each)
      else nextMs = Math.min(nextMs, dueMs)
    }
    if (nextMs < Infinity) this.#timer = this.#clock.setTimer(nextMs - nowMs, () => this.#sweep())
  }
}
