import type { Readable } from 'node:stream'
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
import { downloadOf } from './download.ts'
import { type Invocation, sendInvocation } from './invoke.ts'
import { longPoll, type WaitOptions } from './long-poll.ts'
import type { CallOptions } from './options.ts'
import { headerOf, readJson, readRefusal } from './whole-answer.ts'

/** A request that the node answers later. */
export interface LaterInvocation extends Invocation {
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

  /** Resolves when the request will not be forgotten. Sent once: with a key of your own it can be sent again by you. */
  async begin(task: string, invocation: LaterInvocation = {}): Promise<InvocationView> {
    const { idempotencyKey = randomId(), isIdempotent, webhook, ...request } = invocation
    const headers = {
      ...request.headers,
      prefer: 'respond-async',
      'idempotency-key': idempotencyKey,
      ...(isIdempotent === true && { 'errand-idempotent': 'true' }),
      ...(webhook !== undefined && { 'errand-webhook': webhook }),
    }
    const { answer, signal } = await sendInvocation(this.#calls, task, { ...request, headers })
    try {
      if (answer.statusCode !== 202 && answer.statusCode !== 200) throw await readRefusal(answer)
      return (await readJson(answer)) as InvocationView
    } catch (error) {
      throw this.#calls.failure(error, signal)
    }
  }

  async get(id: string, options: CallOptions = {}): Promise<InvocationView> {
    return this.#calls.call(getInvocation, { params: { id }, ...options })
  }

  /** The youngest first, a page at a time as they are read. */
  async *list({ cursor, ...options }: InvocationListOptions = {}): AsyncGenerator<InvocationView, void, undefined> {
    for (let next = cursor; ; ) {
      const page = await this.page({ ...options, ...(next !== undefined && { cursor: next }) })
      yield* page.invocations
      next = page.cursor
      if (next === undefined) return
    }
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
    const signal = this.#calls.signalWith(options.signal)
    const input = { params: { id }, headers: { accept: '*/*' } }
    const answer = await this.#calls.open(readInvocationResponse, input, signal)
    const { body } = downloadOf(answer, (error) => this.#calls.failure(error, signal))
    return { status: Number(headerOf(answer, 'errand-response-status')), headers: answer.headers, body }
  }

  /** Forgets it with its answer; one that has not ended is broken off, or never begun. */
  async remove(id: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.call(removeInvocation, { params: { id }, ...options })
  }
}
