import type { Clock } from '../core/clock.ts'
import type { Armed, Deadlines } from '../core/deadlines.ts'

export interface IdleDeadlineDeps {
  readonly deadlines: Deadlines
  readonly clock: Clock
}

/**
 * Runs out when for so long nothing has happened, and tells whom it waited for by then. That something has happened costs no
 * more than noting when.
 */
export class IdleDeadline implements Disposable {
  readonly #deps: IdleDeadlineDeps
  readonly #mostMs: number
  readonly #onOver: (isHeld: boolean) => void
  #armed: Armed
  #lastMs: number
  /** Nothing can come before whoever gets it takes what it has. */
  #isHeld = false

  /** @param onOver is called once, unless disposed before: held, it is the reader who was waited for */
  constructor(deps: IdleDeadlineDeps, mostMs: number, onOver: (isHeld: boolean) => void) {
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

  /** From now on it is the reader who is waited for. */
  hold(): void {
    this.#isHeld = true
  }

  /** The reader goes on, which is something that happens. */
  release(): void {
    this.#isHeld = false
    this.touch()
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
    else this.#onOver(this.#isHeld)
  }
}
