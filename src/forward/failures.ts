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
  'ENOENT',
  'EPIPE',
])

/** Misbehaviour for which undici has no code of its own: an answer 100 or 101 that was not asked for. */
const UNDICI_PROTOCOL_TEXTS = new Set(['bad response', 'bad upgrade'])

/** Gives a failed exchange its code. */
export function explainFailure(error: Error & { code?: unknown }): ErrandError {
  if (error instanceof ErrandError) return error
  const code = typeof error.code === 'string' ? error.code : ''
  if (CONNECTION_CODES.has(code) && !UNDICI_PROTOCOL_TEXTS.has(error.message)) {
    return new ErrandError('task_connection_closed', 'the task closed the connection without a whole answer', {
      details: { cause: code },
      cause: error,
    })
  }
  return new ErrandError('bad_task_response', `the task's answer is not HTTP/1.1: ${error.message}`, {
    details: { cause: code },
    cause: error,
  })
}
