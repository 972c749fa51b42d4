import type { IncomingMessage } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Authenticate } from './auth.ts'
import { isCredentialOf, type KeptToken, parseBearer } from './auth-token.ts'
import { FailureLimit } from './failure-limit.ts'
import { peerOf } from './peers.ts'

export interface TokenGateDeps {
  readonly tokens: { tokens(): Promise<readonly KeptToken[]> }
  readonly clock: Clock
  readonly log: Log
}

/**
 * Tells callers apart by their tokens. Wrong ones are counted by peer; beyond a bound they are turned away with a time to
 * wait, and no longer logged. A right one is taken all the same: callers behind one address must not be able to shut each
 * other out, and no number of guesses finds 256 bits.
 */
export class TokenGate {
  readonly #deps: TokenGateDeps
  readonly #failures: FailureLimit

  constructor(deps: TokenGateDeps) {
    this.#deps = deps
    this.#failures = new FailureLimit(deps.clock)
  }

  /** @throws unauthenticated; storage_error when the tokens cannot be read */
  readonly authenticate: Authenticate = async (request) => {
    const { authorization } = request.headers
    if (authorization === undefined)
      throw new ErrandError('unauthenticated', 'this needs a token: Authorization: Bearer')
    const credential = parseBearer(authorization)
    const tokens = credential === undefined ? [] : await this.#tokens()
    const token = tokens.find(({ id }) => id === credential?.id)
    if (credential === undefined || !isCredentialOf(credential, token)) throw this.#failed(request, credential?.id)
    return { caller: { id: credential.id }, scopes: new Set(token?.scopes) }
  }

  /** Where the file is, is nothing for strangers. */
  async #tokens(): Promise<readonly KeptToken[]> {
    try {
      return await this.#deps.tokens.tokens()
    } catch (cause) {
      this.#deps.log.error({ err: cause }, 'nobody can log in')
      throw new ErrandError('storage_error', 'the tokens cannot be read: see the log of the node', { cause })
    }
  }

  /** The secret goes nowhere. */
  #failed(request: IncomingMessage, tokenId: string | undefined): ErrandError {
    const peer = peerOf(request.socket.remoteAddress ?? '')
    const retryAfterMs = this.#failures.count(peer)
    if (retryAfterMs === undefined) this.#deps.log.warn({ peer, token: tokenId }, 'a token was refused')
    return new ErrandError('unauthenticated', 'there is no such token', {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }
}
