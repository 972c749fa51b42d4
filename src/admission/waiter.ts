/**
 * One place in a queue. Settled once, by the queue or by the abort of its signal, whichever comes first; whoever settles
 * it takes it out of the queue.
 */
export class Waiter<Grant> {
  readonly #signal: AbortSignal
  readonly #settled = Promise.withResolvers<Grant>()
  readonly #onAbort: () => void

  /** `signal` must not be aborted yet. `onAbort` takes the place out of the queue and lets the next go on. */
  constructor(signal: AbortSignal, onAbort: () => void) {
    this.#signal = signal
    this.#onAbort = () => {
      this.refuse(signal.reason)
      onAbort()
    }
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  grant(grant: Grant): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#settled.resolve(grant)
  }

  refuse(reason: unknown): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#settled.reject(reason)
  }

  /** What was granted. An abort between the grant and this moment gives it back with `undo`. @throws the refusal, or signal.reason */
  async outcome(undo: (grant: Grant) => void): Promise<Grant> {
    const grant = await this.#settled.promise
    if (!this.#signal.aborted) return grant
    undo(grant)
    throw this.#signal.reason
  }
}
