import { ErrandError } from '../core/errors.ts'

/** Of OpenSSL and Node.js, for certificates that are not believed. */
const TLS_CODES = /CERT|SIGNATURE|^ERR_TLS_|^ERR_SSL_|^EPROTO$/
/** What comes back is no TLS. */
const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_HTTP_REQUEST'])
const NOBODY_THERE = new Set(['ENOENT', 'ECONNREFUSED'])
const NOT_ALLOWED = new Set(['EACCES', 'EPERM'])

/** What it means that a connection to the node failed. */
export function connectionError(cause: unknown, where: string): ErrandError {
  const { code = '', syscall, message } = firstOf(cause)
  if (NOT_ALLOWED.has(code)) return new ErrandError('forbidden', `${where} may not be opened: ${message}`, { cause })
  if (NO_TLS.has(code)) return new ErrandError('unsupported', `${where} speaks no TLS: try http://`, { cause })
  if (TLS_CODES.test(code)) {
    return new ErrandError('validation_failed', `${where} cannot prove who it is: ${message}`, { cause })
  }
  const mayHaveArrived = syscall !== 'connect' && syscall !== 'getaddrinfo' && code !== 'UND_ERR_CONNECT_TIMEOUT'
  const advice = NOBODY_THERE.has(code) ? '; is it running? `errand serve` starts it' : ''
  return nodeUnavailable(`${where} gave no answer: ${message}${advice}`, { mayHaveArrived, cause })
}

/** `mayHaveArrived`: the node may have done what it was asked for. */
export function nodeUnavailable(
  message: string,
  { mayHaveArrived = true, cause, retryAfterMs }: UnavailableOptions = {},
): ErrandError {
  return new ErrandError('node_unavailable', message, {
    details: { mayHaveArrived },
    ...(cause !== undefined && { cause }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

interface UnavailableOptions {
  readonly mayHaveArrived?: boolean
  readonly cause?: unknown
  readonly retryAfterMs?: number
}

/** Whether a call that failed so cannot have had any effect. */
export function isUnsent(error: unknown): boolean {
  return error instanceof ErrandError && error.code === 'node_unavailable' && error.details.mayHaveArrived === false
}

/** Where a name has several addresses, each has its own failure. */
function firstOf(cause: unknown): Partial<NodeJS.ErrnoException> {
  if (cause instanceof AggregateError && cause.errors.length > 0) return firstOf(cause.errors[0])
  return cause instanceof Error ? cause : { message: String(cause) }
}
