import type { Clock } from '../core/clock.ts'

const PERIOD_MS = 30_000

/**
 * Compares now and then what is known with what the engine shows, for what its events did not tell. Only while there is
 * something: a node without work has no timer, and asks nothing.
 */
export class Reconciliation implements Disposable {
  readonly #clock: Clock
  readonly #isNeeded: () => boolean
  readonly #compare: () => void
  #timer: Disposable | undefined

  constructor(clock: Clock, isNeeded: () => boolean, compare: () => void) {
    this.#clock = clock
    this.#isNeeded = isNeeded
    this.#compare = compare
  }

  /** Call it when there is something, as often as you like. */
  arm(): void {
    this.#timer ??= this.#clock.setTimer(PERIOD_MS, () => this.#tick())
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }

  #tick(): void {
    this.#timer = undefined
    if (!this.#isNeeded()) return
    this.arm()
    this.#compare()
  }
}
