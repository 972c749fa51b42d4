import type { Cancellation } from '../../core/cancellation.ts'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { InvocationTracer } from '../invocation-tracer.ts'
import type { NodeApi } from '../node-api.ts'
import type { NamedTasksApi } from '../tasks/named-tasks.ts'
import { inTrace, traceOf } from '../trace-headers.ts'
import type { AnswerFile } from './answer-file.ts'
import type { InvocationLimits } from './invocation-limits.ts'
import type { InvocationRecord } from './invocation-record.ts'
import type { InvocationStore } from './invocation-store.ts'
import type { KnownInvocation } from './known-invocation.ts'

export interface AnsweringDeps {
  readonly tasks: Pick<NamedTasksApi, 'load'>
  readonly forward: NodeApi['forward']
  readonly clock: Clock
  readonly log: Log
  readonly limits: InvocationLimits
  readonly tracer?: InvocationTracer | undefined
}

/** Where nothing says when trying again makes sense. */
const RETRY_MS = 1000

/** The way of a kept request to its task, and of the answer to the disk. */
export class Answering {
  readonly #deps: AnsweringDeps
  readonly #store: InvocationStore

  constructor(deps: AnsweringDeps, store: InvocationStore) {
    this.#deps = deps
    this.#store = store
  }

  /** Once. Resolves with the milliseconds after which it is to be tried again; undefined when it is over. Never rejects. */
  async answer(known: KnownInvocation, cancellation: Cancellation): Promise<number | undefined> {
    let answer: AnswerFile | undefined
    try {
      await known.move('running')
      if (known.isForgotten) return undefined
      const { id } = known.record
      // The task is told by the cancellation alone; why, by what the answer says of itself.
      const onFailure = (): void =>
        cancellation.cancel(new ErrandError('cancelled', 'the answer is not wanted any more'))
      await using file = await this.#store.openAnswer(id, this.#deps.limits.maxResponseBytes, onFailure)
      answer = file
      await this.#send(known, file, cancellation)
      const kept = await file.finish()
      await this.#store.saveAnswer(id, file.headers)
      await known.move('answered', { answer: kept })
      return undefined
    } catch (thrown) {
      return this.#notAnswered(known, answer?.failure ?? ErrandError.from(thrown), answer?.isSent === true)
    }
  }

  async #send({ record }: KnownInvocation, answer: AnswerFile, cancellation: Cancellation): Promise<void> {
    const { key, task } = this.#deps.tasks.load(record.callerId, record.task)
    const { headers, ...head } = await this.#store.loadHead(record.id)
    const trace = this.#deps.tracer?.kept(record.acceptedMs, traceOf(headers))
    const passed = { ...head, headers: trace === undefined ? headers : inTrace(headers, trace) }
    const source = record.requestBytes === 0 ? undefined : this.#store.readBody(record.id)
    try {
      const body = source && { source, bytes: record.requestBytes }
      await this.#deps.forward({ key, task, request: { ...passed, body } }, answer, cancellation)
    } finally {
      source?.destroy()
    }
  }

  async #notAnswered(known: KnownInvocation, error: ErrandError, isSent: boolean): Promise<number | undefined> {
    const { log } = this.#deps
    if (known.isForgotten) return undefined
    try {
      if (known.record.status === 'queued') return RETRY_MS // its beginning could not be kept
      if (this.#mayTryAgain(known.record, error, isSent)) {
        await known.moveAtLast('queued')
        return error.retryAfterMs ?? RETRY_MS
      }
      if (error.code === 'internal') log.error({ err: error, invocation: known.record.id }, 'an invocation failed')
      const message = error.code === 'internal' ? 'internal error: see the log of the node' : error.message
      await known.moveAtLast('failed', { failure: { code: error.code, message: message.slice(0, 1000) } })
    } catch (cause) {
      // A process that ends before it is kept leaves it as it is on disk: as one that was begun.
      log.error({ err: cause, invocation: known.record.id }, 'the end of an invocation could not be kept')
      return ErrandError.from(cause).code === 'internal' ? undefined : known.retryMs()
    }
    return undefined
  }

  /** What no task has got may wait for one; what one may have got is sent again only where its caller says so. */
  #mayTryAgain(record: InvocationRecord, { code, retryAfterMs }: ErrandError, isSent: boolean): boolean {
    if (code === 'paused' || code === 'draining') return !isSent || record.isIdempotent
    if (isSent || retryAfterMs === undefined) return false
    return this.#deps.clock.wallMs() + retryAfterMs < record.acceptedMs + this.#deps.limits.queueTimeoutMs
  }
}
