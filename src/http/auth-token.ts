import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { isId } from '../core/ids.ts'
import type { Scope } from './contract/scope.ts'

/** What is kept of a token: nothing that it could be made from. */
export interface KeptToken {
  /** The caller that it stands for. */
  readonly id: string
  /** Of the secret, in hexadecimal. */
  readonly sha256: string
  readonly scopes: readonly Scope[]
  /** RFC 3339. */
  readonly createdAt: string
}

/** `ID.SECRET`, as it is sent. */
export interface Credential {
  readonly id: string
  readonly secret: string
}

const SECRET_BYTES = 32
/** A scheme's name is the same in any case (RFC 9110). */
const BEARER = /^bearer +([a-z0-9-]{1,63})\.([A-Za-z0-9_-]{43})$/i
/** Compared with when there is no such token, so that both take the same time. */
const NO_DIGEST = '0'.repeat(64)

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/** A secret has 256 random bits: a slow hash would protect nothing more. */
export function digestOf(secret: string): string {
  return hash('sha256', secret)
}

/** Undefined for a header that says no token, or none that could ever be ours. */
export function parseBearer(header: string | undefined): Credential | undefined {
  const [, id = '', secret = ''] = BEARER.exec(header ?? '') ?? []
  return isId(id) ? { id, secret } : undefined
}

/** Whether a credential is that of a token; takes as long for any. */
export function isCredentialOf({ secret }: Credential, token: KeptToken | undefined): boolean {
  const expected = Buffer.from(token?.sha256 ?? NO_DIGEST, 'hex')
  const isEqual = timingSafeEqual(hash('sha256', secret, 'buffer'), expected)
  return isEqual && token !== undefined
}
