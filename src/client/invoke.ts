import type { Readable } from 'node:stream'
import { ErrandError } from '../core/errors.ts'
import { invokeTask } from '../http/contract/operations/tasks.ts'
import type { Calls } from './calls.ts'
import { downloadOf } from './download.ts'
import { operationPath } from './operation-path.ts'
import { headerOf, readRefusal } from './whole-answer.ts'
import type { WireAnswer, WireRequest } from './wire.ts'

/** One request to a task. */
export interface Invocation {
  /** Default: POST with a body, GET without. */
  readonly method?: WireRequest['method']
  /** What the task gets as path and query, as it is: `/a/b?c=d`. Default: `/`. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A stream is sent as the task takes it. */
  readonly body?: string | Readable
  readonly signal?: AbortSignal
}

/** What a task answered, whatever its status. */
export interface InvocationAnswer {
  readonly status: number
  /** By name in small letters; those that came more than once are lists. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it comes: to be read to the end or destroyed. What ends without an error is whole. */
  readonly body: Readable
  /** Empty until the body has been read to its end. */
  readonly trailers: Readonly<Record<string, string>>
}

const WHERE = /^\/[!-~]*$/
/** Something on the way might make them shorter, and lead out of the task. */
const DOTS = /^(?:\.|%2e){1,2}$/i

/** Sent once: what a task does with a request is not ours to know. @throws what the node refused it with */
export async function invoke(calls: Calls, name: string, invocation: Invocation): Promise<InvocationAnswer> {
  const signal = calls.signalWith(invocation.signal)
  const answer = await sendInvocation(calls, name, invocation, signal)
  if (headerOf(answer, 'errand-instance') === '') {
    throw await readRefusal(answer).catch((error: unknown) => calls.failure(error, signal))
  }
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: downloadOf(answer, (error) => calls.failure(error, signal)).body,
    trailers: answer.trailers,
  }
}

/** Resolves with the head of whatever is answered. */
export async function sendInvocation(
  calls: Calls,
  name: string,
  invocation: Invocation,
  signal: AbortSignal,
): Promise<WireAnswer> {
  const { body, method = body === undefined ? 'GET' : 'POST', headers = {} } = invocation
  const path = operationPath(invokeTask.path.replace('/{path...}', ''), { name }) + checkedPath(invocation.path ?? '/')
  return calls.send({ method, path, headers, ...(body !== undefined && { body }) }, signal)
}

function checkedPath(path: string): string {
  const [parts = ''] = path.split('?')
  if (WHERE.test(path) && !path.includes('#') && !parts.split('/').some((part) => DOTS.test(part))) return path
  throw new ErrandError('validation_failed', 'path: must begin with /, be escaped, and hold no . or ..')
}
