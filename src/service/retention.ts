import type { Clock } from '../core/clock.ts'

/** Of so many there is one look per millisecond at most. */
const PER_MS = 100

/**
 * What is due for something, some time after its end. There may be very many of them: an id and a number each, and one
 * timer for all.
 */
export class Retention implements Disposable {
  readonly #clock: Clock
  readonly #onDue: (id: string) => void
  /** On the monotonic clock. */
  readonly #dueMs = new Map<string, number>()
  #timer: Disposable | undefined
  #firesMs = Infinity

  constructor(clock: Clock, onDue: (id: string) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  keep(id: string, forMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#dueMs.set(id, nowMs + forMs)
    if (nowMs + forMs < this.#firesMs) this.#arm(forMs)
  }

  /** Whether it is kept, and not due yet. */
  has(id: string): boolean {
    return this.#dueMs.has(id)
  }

  /** Nothing more is to be done with it. */
  drop(id: string): void {
    this.#dueMs.delete(id)
  }

  [Symbol.dispose](): void {
    this.#dueMs.clear()
    this.#disarm()
  }

  #arm(delayMs: number): void {
    this.#disarm()
    this.#firesMs = this.#clock.monotonicMs() + delayMs
    this.#timer = this.#clock.setTimer(delayMs, () => this.#sweep())
  }

  #disarm(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#firesMs = Infinity
  }

  #sweep(): void {
    this.#disarm()
    const nowMs = this.#clock.monotonicMs()
    let nextMs = Infinity
    // Whatever is due leaves the map that is walked here, which maps allow.
    for (const [id, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) {
        nextMs = Math.min(nextMs, dueMs)
        continue
      }
      this.#dueMs.delete(id)
      this.#onDue(id)
    }
    const pauseMs = Math.floor(this.#dueMs.size / PER_MS)
    if (nextMs < Infinity) this.#arm(Math.max(nextMs - nowMs, pauseMs))
  }
}
