import type { ServerResponse } from 'node:http'
import type { ConnectionLimits } from './connection-limits.ts'

/**
 * The requests of one connection. Knows the latest answer, so that a listener can close without cutting one. Nothing here
 * costs an event per request.
 */
export class Conversation {
  readonly #limits: ConnectionLimits
  #latest: ServerResponse | undefined
  #requests = 0
  /** Answers that had to wait behind others when they came; a connection that does not pipeline has none. */
  #behind: ServerResponse[] = []
  #isOver = false

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
  }

  get latest(): ServerResponse | undefined {
    return this.#latest
  }

  /** Whether an answer is still to be given, or on its way. */
  get isOwed(): boolean {
    return this.#latest !== undefined && !this.#latest.closed
  }

  /** `last`: no further request of this connection will be served, and the answer should say so. */
  take(response: ServerResponse): 'serve' | 'last' | 'ignore' {
    // A client sends such requests again on another connection (RFC 9112, section 9.3.2).
    if (this.#isOver) return 'ignore'
    this.#latest = response
    this.#requests += 1
    this.#isOver = this.#requests >= this.#limits.maxRequestsPerConnection || this.#isCrowded(response)
    return this.#isOver ? 'last' : 'serve'
  }

  /** No further request will be served. */
  end(): void {
    this.#isOver = true
  }

  #isCrowded(response: ServerResponse): boolean {
    // An answer gets the socket once those before it are through.
    if (response.socket !== null) {
      if (this.#behind.length > 0) this.#behind = []
      return false
    }
    this.#behind.push(response)
    if (!this.#isFull()) return false
    this.#behind = this.#behind.filter((each) => !each.closed)
    return this.#isFull()
  }

  /** The first in the line is not among those behind. */
  #isFull(): boolean {
    return this.#behind.length + 1 >= this.#limits.maxPipelined
  }
}
