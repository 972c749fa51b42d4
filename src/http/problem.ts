import { type ErrandError, type ErrorCode, HTTP_STATUS } from '../core/errors.ts'
import { http } from '../util/node-http.ts'
import type { Problem } from './contract/problem.ts'
import type { Answer } from './refusal.ts'
import { StatusError } from './status-error.ts'

/** Made by a proxy of renown for callers that left; Node has no phrase for it. */
const CLIENT_CLOSED = 'Client Closed Request'

/** How an error is answered on /v1. */
export function problemAnswer(error: ErrandError): Answer {
  const status = error instanceof StatusError ? error.status : HTTP_STATUS[error.code]
  return {
    status,
    code: error.code,
    contentType: 'application/problem+json',
    body: toJson(toProblem(error, status)),
    headers: {
      ...(error.retryAfterMs !== undefined && { 'retry-after': `${Math.ceil(error.retryAfterMs / 1000)}` }),
      ...(status === 401 && { 'www-authenticate': 'Bearer realm="errand"' }),
    },
  }
}

/** A refusal that was made for any face, as a problem. */
export function problemOf(refused: Answer): Answer {
  const { message } = JSON.parse(refused.body) as { message: string }
  const { status, code } = refused
  const body = toJson({ title: titleOf(status), status, detail: message, code, details: {} })
  return { ...refused, contentType: 'application/problem+json', body }
}

function toProblem({ message, code, details, retryAfterMs }: ErrandError, status: number): Problem {
  const plain = { title: titleOf(status), status, detail: message, code: code satisfies ErrorCode, details }
  return retryAfterMs === undefined ? plain : { ...plain, retryAfterMs }
}

function titleOf(status: number): string {
  return http.STATUS_CODES[status] ?? CLIENT_CLOSED
}

/** Details may hold what JSON cannot: the problem must be told all the same. */
function toJson(problem: Problem): string {
  try {
    return JSON.stringify(problem)
  } catch {
    return JSON.stringify({ ...problem, details: {} })
  }
}
