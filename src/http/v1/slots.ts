import { ErrandError } from '../../core/errors.ts'

const RETRY_MS = 5000

/** What is open now, and how many were turned away since the start. */
export interface SlotsReading {
  readonly open: number
  readonly refused: number
}

/**
 * Answers that last, each for as long as its reader likes. A caller may have as many as are still free: alone it gets
 * half of them, and however many others take all they can, the next one still finds some.
 */
export class Slots {
  readonly #most: number
  readonly #what: string
  readonly #ofCallers = new Map<string, number>()
  #open = 0
  #refused = 0

  /** @param what in the words of a refusal, such as `streams` */
  constructor(most: number, what: string) {
    this.#most = most
    this.#what = what
  }

  get limit(): number {
    return this.#most
  }

  get reading(): SlotsReading {
    return { open: this.#open, refused: this.#refused }
  }

  /** Until disposed. @throws queue_full */
  take(callerId: string): Disposable {
    const own = this.#ofCallers.get(callerId) ?? 0
    if (own >= this.#most - this.#open) {
      this.#refused += 1
      throw new ErrandError('queue_full', `${this.#open} ${this.#what} are open already, ${own} of them yours`, {
        retryAfterMs: RETRY_MS,
        details: { limit: this.#most, open: this.#open, ofCaller: own },
      })
    }
    this.#count(callerId, own + 1)
    return { [Symbol.dispose]: () => this.#count(callerId, (this.#ofCallers.get(callerId) ?? 0) - 1) }
  }

  #count(callerId: string, own: number): void {
    this.#open += own - (this.#ofCallers.get(callerId) ?? 0)
    if (own === 0) this.#ofCallers.delete(callerId)
    else this.#ofCallers.set(callerId, own)
  }
}
