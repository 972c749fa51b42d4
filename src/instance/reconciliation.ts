import type { Clock } from '../core/clock.ts'

const PERIOD_MS = 30_000
/** After a call that gave no answer: what it has made within a minute is found. */
const LATE_PERIOD_MS = PERIOD_MS / 2
const LATE_LOOKS = 6

/**
 * Compares now and then what is known with what the engine shows, for what its events did not tell. Only while there is
 * something: a node without work has no timer, and asks nothing.
 */
export class Reconciliation implements Disposable {
  readonly #clock: Clock
  readonly #isNeeded: () => boolean
  readonly #compare: () => void
  #timer: Disposable | undefined
  /** That are still to come, whether there is something or not. */
  #looks = 0
  #isDisposed = false

  constructor(clock: Clock, isNeeded: () => boolean, compare: () => void) {
    this.#clock = clock
    this.#isNeeded = isNeeded
    this.#compare = compare
  }

  /** Call it when there is something, as often as you like. */
  arm(): void {
    if (this.#isDisposed) return
    this.#timer ??= this.#clock.setTimer(PERIOD_MS, () => this.#tick())
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#timer?.[Symbol.dispose]()
  }

  /**
   * Something may come to be that nobody waits for any more: a call that gave no answer takes effect late. Looks follow
   * whether there is anything else or not, at such a pace that it is seen twice within a period.
   */
  lookAgain(): void {
    if (this.#isDisposed) return
    this.#looks = LATE_LOOKS
    this.#timer?.[Symbol.dispose]()
    this.#armLate()
  }

  #armLate(): void {
    this.#timer = this.#clock.setTimer(LATE_PERIOD_MS, () => this.#tick())
  }

  #tick(): void {
    this.#timer = undefined
    const isLate = this.#looks > 0
    if (!isLate && !this.#isNeeded()) return
    if (isLate) this.#looks -= 1
    if (this.#looks > 0) this.#armLate()
    else if (this.#isNeeded()) this.arm()
    this.#compare()
  }
}
