import type { ErrandError } from './errors.ts'

/**
 * One caller's right to end one request early. Does the job of an `AbortController` on the warm path, where making a
 * controller, a signal and its listeners for every request would cost more than the rest of our work: a signal is made
 * only when somebody asks for it.
 */
export class Cancellation {
  #reason: ErrandError | undefined
  #listener: ((reason: ErrandError) => void) | undefined
  #controller: AbortController | undefined

  get reason(): ErrandError | undefined {
    return this.#reason
  }

  /** For work that takes an `AbortSignal`; aborts with the reason given to `cancel`. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /**
   * Names whoever has to act when the request ends early: one listener at a time, since a request is in one hand at a
   * time. Called at once when already cancelled. Pass undefined to let go.
   */
  handOver(listener: ((reason: ErrandError) => void) | undefined): void {
    this.#listener = listener
    if (this.#reason !== undefined) listener?.(this.#reason)
  }

  /** The first reason wins; later calls do nothing. */
  cancel(reason: ErrandError): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#listener?.(reason)
    this.#controller?.abort(reason)
  }
}
