import { ErrandError } from '../../core/errors.ts'

const RETRY_MS = 5000

/** Answers that last: each holds a connection, and perhaps an open file, for as long as its reader likes. */
export class StreamSlots {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Until disposed. @throws queue_full */
  take(): Disposable {
    if (this.#taken >= this.#most) {
      throw new ErrandError('queue_full', `${this.#most} streams and waits are open already`, {
        retryAfterMs: RETRY_MS,
        details: { limit: this.#most },
      })
    }
    this.#taken += 1
    return { [Symbol.dispose]: () => this.#giveBack() }
  }

  #giveBack(): void {
    this.#taken -= 1
  }
}
