import { Cancellation } from '../../core/cancellation.ts'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { IdSource } from '../../core/ids.ts'
import type { Log } from '../../core/log.ts'
import { Deadline } from '../../core/wait.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { FairQueue } from '../../util/fair-queue.ts'
import type { WebhookOutlet } from '../../webhooks/webhooks.ts'
import type { Gate } from '../gate.ts'
import type { NodeApi } from '../node-api.ts'
import { Retention } from '../retention.ts'
import type { NamedTasksApi } from '../tasks/named-tasks.ts'
import { Acceptance, type AskedInvocation } from './acceptance.ts'
import type { AnswerFile } from './answer-file.ts'
import type { InvocationLimits } from './invocation-limits.ts'
import { hasEnded, type InvocationRecord } from './invocation-record.ts'
import { InvocationStore } from './invocation-store.ts'
import { KnownInvocation } from './known-invocation.ts'
import type { InvocationPage, KeptAnswer, LaterApi } from './later-api.ts'

export interface AsyncInvocationsDeps {
  readonly tasks: Pick<NamedTasksApi, 'load'>
  readonly forward: NodeApi['forward']
  readonly gate: Gate
  readonly clock: Clock
  readonly log: Log
  readonly newId: IdSource
  readonly limits: InvocationLimits
  /** Ours alone. */
  readonly folder: string
  /** @throws storage_full */
  readonly assertRoom: () => Promise<void>
  readonly webhooks: WebhookOutlet
  /** What is told of one that has ended. */
  readonly event: (record: InvocationRecord) => object
}

/** Where nothing says when trying again makes sense. */
const RETRY_MS = 1000

/** Requests that are kept first and answered later, by the same instances and at most once. They outlive the daemon. */
export class AsyncInvocations implements LaterApi {
  readonly #deps: AsyncInvocationsDeps
  readonly #store: InvocationStore
  readonly #acceptance: Acceptance
  /** In the order in which they were accepted. */
  readonly #known = new Map<string, KnownInvocation>()
  readonly #queue = new FairQueue<KnownInvocation>()
  readonly #background = new BackgroundWork()
  readonly #retention: Retention
  /** Of those that wait for another try. */
  readonly #retries: Retention
  readonly #closing = new AbortController()

  private constructor(deps: AsyncInvocationsDeps, store: InvocationStore) {
    this.#deps = deps
    this.#store = store
    this.#acceptance = new Acceptance(deps, store, this.#queue)
    this.#retention = new Retention(deps.clock, (id) => this.#background.add(this.#expire(id)))
    this.#retries = new Retention(deps.clock, (id) => this.#tryAgain(id))
    deps.gate.onOpen(() => this.#dispatch())
  }

  /** Takes up what earlier daemons left. Nothing is begun before `start`. @throws storage_error */
  static async open(deps: AsyncInvocationsDeps): Promise<AsyncInvocations> {
    const store = await InvocationStore.open(deps.folder, deps.log)
    const invocations = new AsyncInvocations(deps, store)
    for (const record of await store.readAll()) await invocations.#takeUp(record)
    return invocations
  }

  /** Begins what waits. */
  start(): void {
    this.#dispatch()
  }

  async accept(asked: AskedInvocation, body: AsyncIterable<Uint8Array>): Promise<InvocationRecord> {
    this.#closing.signal.throwIfAborted()
    const { record, isNew } = await this.#acceptance.accept(asked, body)
    if (!isNew) return this.#known.get(record.id)?.record ?? record
    this.#queue.add(this.#know(record))
    this.#dispatch()
    return record
  }

  /** @throws not_found */
  get(id: string): InvocationRecord {
    return this.#load(id).record
  }

  page(callerId: string | undefined, limit: number, cursor?: string): InvocationPage {
    const own = [...this.#known.values()]
      .map(({ record }) => record)
      .filter((record) => callerId === undefined || record.callerId === callerId)
      .sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1))
      .filter((record) => cursor === undefined || placeOf(record) < cursor)
    const records = own.slice(0, limit)
    const last = records.at(-1)
    return { records, cursor: last === undefined || own.length === records.length ? undefined : placeOf(last) }
  }

  async untilEnded(id: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const known = this.#load(id)
    const overdue = new ErrandError('deadline_exceeded', `invocation ${id} has not ended within ${timeoutMs} ms`)
    using patience = new Deadline(this.#deps.clock, timeoutMs, () => overdue, signal)
    try {
      await abortable(known.ended, patience.signal)
    } catch (error) {
      if (error === overdue) return false
      throw error
    }
    this.#load(id)
    return true
  }

  async openAnswer(id: string): Promise<KeptAnswer> {
    const { record } = this.#load(id)
    if (!hasEnded(record)) throw new ErrandError('not_ready', `invocation ${id} is ${record.status}`)
    if (record.answer !== undefined) return { ...record.answer, ...(await this.#store.loadAnswer(id)) }
    throw new ErrandError('not_found', `invocation ${id} has no answer: it is ${record.status}`)
  }

  async remove(id: string): Promise<void> {
    const known = this.#load(id)
    this.#known.delete(id)
    this.#queue.remove(known)
    this.#retries.drop(id)
    this.#retention.drop(id)
    this.#acceptance.forget(known.record)
    await known.forget(new ErrandError('cancelled', 'its caller has removed the invocation'))
  }

  /** Lets go: what waits is begun by the next process; requests under way are broken off. Idempotent. */
  async detach(): Promise<void> {
    const reason = new ErrandError('draining', 'the node is stopping')
    this.#closing.abort(reason)
    this.#retention[Symbol.dispose]()
    this.#retries[Symbol.dispose]()
    for (const known of this.#known.values()) known.cancellation?.cancel(reason)
    await this.#background.idle()
  }

  #load(id: string): KnownInvocation {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    throw new ErrandError('not_found', `there is no invocation ${id}`)
  }

  #know(record: InvocationRecord): KnownInvocation {
    const known = new KnownInvocation(this.#store, this.#deps.clock, record)
    this.#known.set(record.id, known)
    return known
  }

  async #takeUp(record: InvocationRecord): Promise<void> {
    const known = this.#know(record)
    this.#acceptance.remember(record)
    if (record.status === 'running') await known.move(record.isIdempotent ? 'queued' : 'lost')
    if (hasEnded(known.record)) this.#ended(known)
    else this.#queue.add(known)
  }

  #dispatch(): void {
    const { gate, limits } = this.#deps
    while (!this.#closing.signal.aborted && gate.isOpen && this.#queue.underWay < limits.concurrency) {
      const known = this.#queue.take()
      if (known === undefined) return
      const work = this.#answer(known).finally(() => {
        // Unless it waits for another try.
        if (known.record.status !== 'queued' || known.isForgotten) this.#queue.remove(known)
        this.#dispatch()
      })
      known.work = work
      this.#background.add(work)
    }
  }

  /** Never rejects. */
  async #answer(known: KnownInvocation): Promise<void> {
    const cancellation = new Cancellation()
    known.cancellation = cancellation
    let answer: AnswerFile | undefined
    try {
      await known.move('running')
      if (known.isForgotten) return
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
      this.#ended(known)
    } catch (thrown) {
      await this.#notAnswered(known, answer?.failure ?? ErrandError.from(thrown), answer?.isSent === true)
    } finally {
      known.cancellation = undefined
    }
  }

  async #send({ record }: KnownInvocation, answer: AnswerFile, cancellation: Cancellation): Promise<void> {
    const { key, task } = this.#deps.tasks.load(record.callerId, record.task)
    const head = await this.#store.loadHead(record.id)
    const source = record.requestBytes === 0 ? undefined : this.#store.readBody(record.id)
    try {
      const body = source && { source, bytes: record.requestBytes }
      await this.#deps.forward({ key, task, request: { ...head, body } }, answer, cancellation)
    } finally {
      source?.destroy()
    }
  }

  async #notAnswered(known: KnownInvocation, error: ErrandError, isSent: boolean): Promise<void> {
    const { log } = this.#deps
    if (known.isForgotten) return
    try {
      if (known.record.status === 'queued') return this.#later(known, RETRY_MS) // its beginning could not be kept
      if (this.#mayTryAgain(known.record, error, isSent)) {
        await known.move('queued')
        return this.#later(known, error.retryAfterMs ?? RETRY_MS)
      }
      if (error.code === 'internal') log.error({ err: error, invocation: known.record.id }, 'an invocation failed')
      const message = error.code === 'internal' ? 'internal error: see the log of the node' : error.message
      await known.move('failed', { failure: { code: error.code, message: message.slice(0, 1000) } })
      this.#ended(known)
    } catch (cause) {
      // As it is on disk, so will the next process find it: as one that was begun.
      log.error({ err: cause, invocation: known.record.id }, 'the end of an invocation could not be kept')
    }
  }

  /** What no task has got may wait for one; what one may have got is sent again only where its caller says so. */
  #mayTryAgain(record: InvocationRecord, { code, retryAfterMs }: ErrandError, isSent: boolean): boolean {
    if (code === 'paused' || code === 'draining') return !isSent || record.isIdempotent
    if (isSent || retryAfterMs === undefined) return false
    return this.#deps.clock.wallMs() + retryAfterMs < record.acceptedMs + this.#deps.limits.queueTimeoutMs
  }

  /** It has its place in the queue again, and counts there. */
  #later(known: KnownInvocation, delayMs: number): void {
    this.#queue.park(known)
    if (!this.#closing.signal.aborted) this.#retries.keep(known.record.id, delayMs)
  }

  #tryAgain(id: string): void {
    const known = this.#known.get(id)
    if (known !== undefined) this.#queue.wake(known)
    this.#dispatch()
  }

  #ended(known: KnownInvocation): void {
    const { id, endedMs = 0 } = known.record
    const { clock, limits, webhooks, event } = this.#deps
    if (known.isForgotten) return
    known.tell(webhooks, event)
    this.#retention.keep(id, Math.max(0, endedMs + limits.retentionMs - clock.wallMs()))
  }

  /** Whoever is still to be told of it is told first. */
  async #expire(id: string): Promise<void> {
    const { signal } = this.#closing
    try {
      await abortable(this.#deps.webhooks.settled(KnownInvocation.webhookIdOf(id)), signal)
      if (this.#known.has(id)) await this.remove(id)
    } catch (error) {
      if (!signal.aborted) this.#deps.log.warn({ err: error, invocation: id }, 'an old invocation could not be removed')
    }
  }
}

/** The younger, the greater. */
function placeOf({ acceptedMs, id }: InvocationRecord): string {
  return `${String(acceptedMs).padStart(15, '0')}.${id}`
}
