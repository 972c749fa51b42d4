import { ErrandError, type ErrorCode, type ErrorDetails, HTTP_STATUS } from '../core/errors.ts'
import { nodeUnavailable } from './connection-error.ts'

/** An answer that is not the one that was asked for. */
export interface Refusal {
  readonly status: number
  readonly contentType: string
  /** The header `Retry-After`. */
  readonly retryAfter: string
  readonly text: string
}

/** For what is no problem of ours, as a proxy answers, and for codes of nodes that are newer than this client. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'validation_failed',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  413: 'validation_failed',
  415: 'validation_failed',
  421: 'forbidden',
  422: 'validation_failed',
  429: 'queue_full',
  501: 'unsupported',
}
/** What gateways answer when what is behind them does not. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([502, 503, 504])
const MOST_TEXT = 500

/** The error that a node answered with, as it threw it; another's answer as the nearest that there is. */
export function answerError(refusal: Refusal): ErrandError {
  const problem = readProblem(refusal)
  return problem === undefined ? foreignError(refusal) : problemError(problem, refusal)
}

function problemError({ code, detail, details, retryAfterMs }: ReadProblem, { status }: Refusal): ErrandError {
  const options = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (isErrorCode(code)) return new ErrandError(code, detail, { ...options, details })
  const known = CODE_OF_STATUS[status] ?? 'internal'
  return new ErrandError(known, detail, { ...options, details: { ...details, code, status } })
}

function foreignError({ status, text, retryAfter }: Refusal): ErrandError {
  const message = `answered with ${status} and no problem: ${text.slice(0, MOST_TEXT)}`
  const retryAfterMs = /^[0-9]{1,6}$/.test(retryAfter) ? { retryAfterMs: Number(retryAfter) * 1000 } : {}
  if (GATEWAY_STATUSES.has(status)) return nodeUnavailable(message, retryAfterMs)
  return new ErrandError(CODE_OF_STATUS[status] ?? 'internal', message, { ...retryAfterMs, details: { status } })
}

interface ReadProblem {
  readonly code: string
  readonly detail: string
  readonly details: ErrorDetails
  readonly retryAfterMs: number | undefined
}

/** Undefined for what is none. */
function readProblem({ contentType, text }: Refusal): ReadProblem | undefined {
  if (!contentType.startsWith('application/problem+json')) return undefined
  const problem = parseObject(text)
  if (typeof problem?.code !== 'string') return undefined
  const { code, detail, details, retryAfterMs } = problem
  return {
    code,
    detail: typeof detail === 'string' ? detail : code,
    details: isObject(details) ? details : {},
    retryAfterMs: typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined,
  }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(HTTP_STATUS, code)
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
