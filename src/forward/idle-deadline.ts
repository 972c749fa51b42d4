import type { Clock } from '../core/clock.ts'
import type { Armed, Deadlines } from '../core/deadlines.ts'

export interface IdleDeadlineDeps {
  readonly deadlines: Deadlines
  readonly clock: Clock
}

/** Runs out when for so long nothing has happened. That something has costs no more than noting when. */
export class IdleDeadline implements Disposable {
  readonly #deps: IdleDeadlineDeps
  readonly #mostMs: number
  readonly #onOver: () => void
  #armed: Armed
  #lastMs: number

  /** @param onOver is called once, unless disposed before */
  constructor(deps: IdleDeadlineDeps, mostMs: number, onOver: () => void) {
    this.#deps = deps
    this.#mostMs = mostMs
    this.#onOver = onOver
    this.#lastMs = deps.clock.monotonicMs()
    this.#armed = this.#arm(mostMs)
  }

  /** Something happens. */
  touch(): void {
    this.#lastMs = this.#deps.clock.monotonicMs()
  }

  [Symbol.dispose](): void {
    this.#deps.deadlines.disarm(this.#armed)
  }

  #arm(delayMs: number): Armed {
    return this.#deps.deadlines.arm(delayMs, () => this.#look())
  }

  #look(): void {
    const leftMs = this.#lastMs + this.#mostMs - this.#deps.clock.monotonicMs()
    if (leftMs > 0) this.#armed = this.#arm(leftMs)
    else this.#onOver()
  }
}
