import { ErrandError } from '../../core/errors.ts'
import type { RegistryCredentials } from '../engine.ts'
import { registryAuth } from './registry-auth.ts'

const REDACTED = '[redacted]'

/**
 * A failed pull as anybody may see it. A registry can word its refusal as it likes, with what it was just told in it, and
 * the Engine passes its words on.
 */
export function withoutCredentials(thrown: unknown, credentials: RegistryCredentials | undefined): ErrandError {
  const error = ErrandError.from(thrown)
  if (credentials === undefined) return error
  const secrets = spellings(credentials)
  const message = secrets.reduce((text, secret) => text.replaceAll(secret, REDACTED), error.message)
  if (message === error.message) return error
  const { code, details, retryAfterMs } = error
  // Without the cause, which has the same words.
  return new ErrandError(code, message, { details, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}

/** The ways in which a secret travels to the Engine and to its registry, longest first. */
function spellings(credentials: RegistryCredentials): string[] {
  const { username, secret } = credentials
  const login = Buffer.from(`${username}:${secret}`).toString('base64')
  const all = [registryAuth(credentials), login, login.replace(/={1,2}$/, ''), encodeURIComponent(secret), secret]
  return all.filter((spelling) => spelling !== '').toSorted((a, b) => b.length - a.length)
}
