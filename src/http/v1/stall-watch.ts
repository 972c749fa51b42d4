import type { Clock } from '../../core/clock.ts'

/** Calls `onStall`, once, when nothing has moved for `stallMs` to twice that. Ends when disposed. */
export class StallWatch implements Disposable {
  readonly #clock: Clock
  readonly #stallMs: number
  readonly #onStall: () => void
  #hasMoved = false
  #timer: Disposable

  constructor(clock: Clock, stallMs: number, onStall: () => void) {
    this.#clock = clock
    this.#stallMs = stallMs
    this.#onStall = onStall
    this.#timer = this.#arm()
  }

  /** Costs nothing: call it for every piece. */
  moved(): void {
    this.#hasMoved = true
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }

  #arm(): Disposable {
    return this.#clock.setTimer(this.#stallMs, () => {
      if (!this.#hasMoved) {
        this.#onStall()
        return
      }
      this.#hasMoved = false
      this.#timer = this.#arm()
    })
  }
}
