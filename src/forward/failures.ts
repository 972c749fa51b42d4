import { ErrandError } from '../core/errors.ts'

/** Codes of undici and Node by which a connection, not an answer, went wrong. */
const CONNECTION_CODES = new Set([
  'UND_ERR_SOCKET',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOENT',
  'EPIPE',
])

/** Codes of a host that has no descriptors, ports or memory left for another connection, or of a full backlog. */
const SHORTAGE_CODES = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EAGAIN'])

/** When trying again makes sense: connections of others have ended by then. */
const SHORTAGE_RETRY_MS = 1000

/** Misbehaviour for which undici has no code of its own: an answer 100 or 101 that was not asked for. */
const UNDICI_PROTOCOL_TEXTS = new Set(['bad response', 'bad upgrade'])

/** A body that ended early after a head that said that the connection will close: the second is llhttp's, without a code. */
const LENGTH_MISMATCH = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
const EARLY_END_TEXT = 'Invalid EOF state'

/** Gives a failed exchange its code. `hasBegun` says that a whole head of an answer had come. */
export function explainFailure(error: Error & { code?: unknown }, hasBegun = false): ErrandError {
  if (error instanceof ErrandError) return error
  const code = typeof error.code === 'string' ? error.code : ''
  const options = { details: { cause: code }, cause: error }
  if (isShortage(error)) {
    const message = `no connection to the task could be made: ${code}`
    return new ErrandError('resources_exhausted', message, { ...options, retryAfterMs: SHORTAGE_RETRY_MS })
  }
  const isCut = CONNECTION_CODES.has(code) && !UNDICI_PROTOCOL_TEXTS.has(error.message)
  const isEarlyEnd = hasBegun && (code === LENGTH_MISMATCH || error.message.includes(EARLY_END_TEXT))
  if (isCut || isEarlyEnd) {
    return new ErrandError('task_connection_closed', 'the task closed the connection without a whole answer', options)
  }
  return new ErrandError('bad_task_response', `the task's answer is not HTTP/1.1: ${error.message}`, options)
}

/** Whether a connection failed for want of something that this host has too little of. */
export function isShortage(error: Error & { readonly code?: unknown }): boolean {
  return typeof error.code === 'string' && SHORTAGE_CODES.has(error.code)
}
