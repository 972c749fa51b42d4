import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ErrorCode } from '../core/errors.ts'

export type RefusalStatus = 400 | 403 | 404 | 405 | 408 | 413 | 415 | 421 | 431

const CODE: Record<RefusalStatus, ErrorCode> = {
  400: 'validation_failed',
  403: 'forbidden',
  404: 'not_found',
  405: 'unsupported',
  408: 'deadline_exceeded',
  413: 'validation_failed',
  415: 'validation_failed',
  421: 'forbidden',
  431: 'validation_failed',
}

/** Why a request goes no further than HTTP. */
export interface Refusal extends Answer {
  readonly status: RefusalStatus
}

/** What is answered in place of what was asked for. */
export interface Answer {
  readonly status: number
  readonly code: ErrorCode
  /** The whole body: JSON. */
  readonly body: string
  /** Default: `application/json`. */
  readonly contentType?: string
  /** The methods that would do, for 405. */
  readonly allow?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** How long what nobody wants is still read (and thrown away), so that its sender gets to see the answer. */
export const LINGER_MS = 1000

export function refusal(status: RefusalStatus, message: string, allow?: string): Refusal {
  const code = CODE[status]
  const body = JSON.stringify({ code, message })
  return { status, code, body, ...(allow === undefined ? {} : { allow }) }
}

/** A refusal whose body is only a JSON string, as the MECA face has them. */
export function bareRefusal(status: RefusalStatus, message: string): Refusal {
  return { status, code: CODE[status], body: JSON.stringify(message) }
}

/** Answers with a refusal. A connection whose request body has not been read to its end is closed with it. */
export function refuse(request: IncomingMessage, response: ServerResponse, refused: Answer): void {
  const isUploading = !request.complete && hasBody(request)
  if (isUploading) response.shouldKeepAlive = false
  response.writeHead(refused.status, {
    'content-type': refused.contentType ?? 'application/json',
    'content-length': Buffer.byteLength(refused.body),
    'errand-code': refused.code,
    ...(refused.allow === undefined ? {} : { allow: refused.allow }),
    ...refused.headers,
  })
  if (isUploading) endAfterUpload(request, response, refused.body)
  else response.end(refused.body)
}

function hasBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  return coding !== undefined || (length !== undefined && length !== '0')
}

/** Closing a socket with unread bytes resets it, and the reset can overtake the answer. */
function endAfterUpload(request: IncomingMessage, response: ServerResponse, body: string): void {
  response.write(body)
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER_MS).unref()
  response.once('close', () => clearTimeout(timer))
  request.once('end', end)
  request.resume()
}

/** A refusal as bytes, for connections whose request could not even be parsed. */
export function rawRefusal(refused: Refusal, reasonPhrase: string): string {
  return [
    `HTTP/1.1 ${refused.status} ${reasonPhrase}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(refused.body)}`,
    `errand-code: ${refused.code}`,
    'connection: close',
    '',
    refused.body,
  ].join('\r\n')
}
