import type { IncomingMessage } from 'node:http'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Authenticate } from './auth.ts'
import { RecentTokens, type RecentTokensDeps } from './auth-recent-tokens.ts'
import { type Credential, isCredentialOf, type KeptToken, parseBearer } from './auth-token.ts'
import { FailureLimit } from './failure-limit.ts'
import { peerOf } from './peers.ts'

export interface TokenGateDeps extends RecentTokensDeps {
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
  readonly #tokens: RecentTokens

  constructor(deps: TokenGateDeps) {
    this.#deps = deps
    this.#failures = new FailureLimit(deps.clock)
    this.#tokens = new RecentTokens(deps)
  }

  /** @throws unauthenticated; storage_error when the tokens cannot be read */
  readonly authenticate: Authenticate = async (request) => {
    const { authorization } = request.headers
    if (authorization === undefined)
      throw new ErrandError('unauthenticated', 'this needs a token: Authorization: Bearer')
    const credential = parseBearer(authorization)
    if (credential === undefined) throw this.#failed(request, undefined)
    const { recent } = this.#tokens
    // One that is not known may have been made since.
    const token = (recent && findToken(recent, credential)) ?? findToken(await this.#fresh(), credential)
    if (token === undefined) throw this.#failed(request, credential.id)
    return { caller: { id: credential.id }, scopes: new Set(token.scopes) }
  }

  /** Where the file is, is nothing for strangers. */
  async #fresh(): Promise<readonly KeptToken[]> {
    try {
      return await this.#tokens.fresh()
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

function findToken(tokens: readonly KeptToken[], credential: Credential): KeptToken | undefined {
  const token = tokens.find(({ id }) => id === credential.id)
  return isCredentialOf(credential, token) ? token : undefined
}
