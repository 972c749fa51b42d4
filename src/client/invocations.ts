import { Readable } from 'node:stream'
import { ErrandError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import type { InvocationPageView, InvocationView } from '../http/contract/invocation-view.ts'
import {
  getInvocation,
  listInvocations,
  readInvocationResponse,
  removeInvocation,
  waitForInvocation,
} from '../http/contract/operations/invocations.ts'
import type { Calls } from './calls.ts'
import { type Invocation, sendInvocation } from './invoke.ts'
import { longPoll, type WaitOptions } from './long-poll.ts'
import type { CallOptions } from './options.ts'
import { readPages } from './pages.ts'
import { headerOf, readJson, readRefusal } from './whole-answer.ts'
import type { WireAnswer } from './wire.ts'

/** A request that the node answers later. */
export interface LaterInvocation extends Invocation, CallOptions {
  /** 1 to 255 visible ASCII characters that stand for this request for good. Default: one of its own for every call. */
  readonly idempotencyKey?: string
  /** It may be sent to its task again after the node's process was lost in the middle. Default: false. */
  readonly isIdempotent?: boolean
  /** Told how it has ended; only hosts that the node's operator allows. */
  readonly webhook?: string
}

/** What the task has answered to such a request. */
export interface LaterAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** To be read to the end or destroyed. What ends without an error is whole. */
  readonly body: Readable
}

export interface InvocationListOptions extends CallOptions {
  /** Of one page. Default: the node's. */
  readonly limit?: number
  /** Of an earlier page, to go on after it. */
  readonly cursor?: string
}

/** Requests to named tasks that are answered later. */
export class InvocationsClient {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /**
   * Resolves when the request will not be forgotten. A lost answer is asked for again under one idempotency key, so that the
   * task gets it once; with a stream as its body it is sent once.
   * @throws unsupported when it was passed to the task instead of being kept: what the task does with it, it does
   */
  async begin(task: string, invocation: LaterInvocation = {}): Promise<InvocationView> {
    const { idempotencyKey = randomId(), isIdempotent, webhook, ...request } = invocation
    const headers = {
      ...request.headers,
      prefer: 'respond-async',
      'idempotency-key': idempotencyKey,
      ...(isIdempotent === true && { 'errand-idempotent': 'true' }),
      ...(webhook !== undefined && { 'errand-webhook': webhook }),
    }
    const once = async (signal: AbortSignal): Promise<InvocationView> => {
      const answer = await sendInvocation(this.#calls, task, { ...request, headers }, signal)
      return readKept(answer).catch((error: unknown) => {
        throw this.#calls.failure(error, signal)
      })
    }
    const repetition = { isRepeatable: true, isSentOnce: request.body instanceof Readable }
    return this.#calls.patiently(invocation, repetition, once)
  }

  async get(id: string, options: CallOptions = {}): Promise<InvocationView> {
    return this.#calls.call(getInvocation, { params: { id }, ...options })
  }

  /** The youngest first, a page at a time as they are read. */
  list(options: InvocationListOptions = {}): AsyncGenerator<InvocationView, void, undefined> {
    return readPages(
      options,
      (of) => this.page(of),
      ({ invocations }) => invocations,
    )
  }

  /** One page, with the `cursor` of the next. */
  async page({ limit, cursor, ...options }: InvocationListOptions = {}): Promise<InvocationPageView> {
    return this.#calls.call(listInvocations, { query: { limit, cursor }, ...options })
  }

  /** The record once it has ended, however that was. @throws deadline_exceeded after `timeoutMs`; not_found */
  async wait(id: string, options: WaitOptions = {}): Promise<InvocationView> {
    const unmet = `invocation ${id} has not ended`
    return longPoll(this.#calls, { ...options, operation: waitForInvocation, params: { id }, unmet })
  }

  /** @throws not_found; not_ready before its end; what kept the task from answering */
  async response(id: string, options: CallOptions = {}): Promise<LaterAnswer> {
    const input = { params: { id }, headers: { accept: '*/*' }, ...options }
    const { headers, body } = await this.#calls.download(readInvocationResponse, input)
    return { status: Number(headers['errand-response-status']), headers, body }
  }

  /** Forgets it with its answer; one that has not ended is broken off, or never begun. */
  async remove(id: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.call(removeInvocation, { params: { id }, ...options })
  }
}

const KEPT = 202

/**
 * The record of a request that the node has kept. Whoever knows nothing of `Prefer` passes the request on, and what comes
 * then is the task's own, whatever its status and its content look like.
 */
async function readKept(answer: WireAnswer): Promise<InvocationView> {
  const { statusCode: status, body } = answer
  const isOfTask = headerOf(answer, 'errand-instance') !== ''
  const isKept = status === KEPT && headerOf(answer, 'preference-applied').includes('respond-async')
  if (isKept && !isOfTask) return (await readJson(answer)) as InvocationView
  if (status >= 300 && !isOfTask) throw await readRefusal(answer)
  body.on('error', () => {}).destroy()
  const message = `the request was not kept for later: the task, or something before it, answered at once, with ${status}`
  throw new ErrandError('unsupported', message, { details: { status } })
}
