import type { Clock } from '../core/clock.ts'
import type { KeptToken } from './auth-token.ts'

/** For so long a token that was revoked may still be taken. */
const TRUST_MS = 250

export interface RecentTokensDeps {
  readonly tokens: { tokens(): Promise<readonly KeptToken[]> }
  readonly clock: Clock
}

/** What the token file said a moment ago, so that not every request has to open it. */
export class RecentTokens {
  readonly #deps: RecentTokensDeps
  #read: { readonly askedMs: number; readonly tokens: readonly KeptToken[] } | undefined

  constructor(deps: RecentTokensDeps) {
    this.#deps = deps
  }

  /** Undefined once that is too long ago, or was not to be had. */
  get recent(): readonly KeptToken[] | undefined {
    if (this.#read === undefined) return undefined
    return this.#deps.clock.monotonicMs() - this.#read.askedMs < TRUST_MS ? this.#read.tokens : undefined
  }

  /** What the file says now. @throws storage_error, and then nothing that it said before counts any more */
  async fresh(): Promise<readonly KeptToken[]> {
    const askedMs = this.#deps.clock.monotonicMs()
    try {
      const tokens = await this.#deps.tokens.tokens()
      // Of two that read at once the later one knows better, whichever ends first.
      if (this.#read === undefined || askedMs >= this.#read.askedMs) this.#read = { askedMs, tokens }
      return tokens
    } catch (error) {
      this.#read = undefined
      throw error
    }
  }
}
