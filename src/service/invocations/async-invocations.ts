import { ErrandError } from '../../core/errors.ts'
import { endsWithin } from '../../core/wait.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { FairQueue } from '../../util/fair-queue.ts'
import { Retention } from '../retention.ts'
import { Acceptance, type AcceptanceDeps, type AskedInvocation } from './acceptance.ts'
import { Answering, type AnsweringDeps } from './answering.ts'
import { EndedInvocations } from './ended-invocations.ts'
import { InvocationIndex } from './invocation-index.ts'
import { InvocationPages, noInvocation } from './invocation-pages.ts'
import { hasEnded, type InvocationRecord } from './invocation-record.ts'
import { InvocationStore } from './invocation-store.ts'
import { KnownInvocation } from './known-invocation.ts'
import type { InvocationPage, KeptAnswer, LaterApi } from './later-api.ts'
import type { LaterMeter } from './later-meter.ts'
import { whileOpen } from './while-open.ts'

export interface AsyncInvocationsDeps extends AcceptanceDeps, AnsweringDeps {
  /** Ours alone. A file beside it, named after it, is ours, too. */
  readonly folder: string
  /** What is told of one that has ended. */
  readonly event: (record: InvocationRecord) => object
  readonly meter?: LaterMeter | undefined
}

/** Requests that are kept first and answered later, by the same instances and at most once. They outlive the daemon. */
export class AsyncInvocations implements LaterApi {
  readonly #deps: AsyncInvocationsDeps
  readonly #store: InvocationStore
  readonly #pages: InvocationPages
  readonly #acceptance: Acceptance
  readonly #answering: Answering
  /** All of them. Of those with which nothing is to be done any more there is no more than that in memory. */
  readonly #index = new InvocationIndex()
  readonly #live = new Map<string, KnownInvocation>()
  readonly #queue = new FairQueue<KnownInvocation>()
  /** Of those that wait for another try. */
  readonly #retries: Retention
  readonly #ended: EndedInvocations
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()
  /** Told when a pause has ended. */
  readonly #opening: Disposable
  #rest = Promise.withResolvers<void>()

  private constructor(deps: AsyncInvocationsDeps, store: InvocationStore) {
    this.#deps = deps
    this.#store = store
    this.#pages = new InvocationPages(store, this.#index, this.#live)
    this.#acceptance = new Acceptance(deps, store, this.#queue, this.#index, (id) => this.#pages.find(id))
    this.#answering = new Answering(deps, store)
    this.#retries = new Retention(deps.clock, (id) => this.#tryAgain(id))
    const logPath = `${deps.folder}-ended.ndjson`
    const remove = (id: string): Promise<void> => this.remove(id)
    this.#ended = new EndedInvocations({ ...deps, store, index: this.#index, logPath, remove })
    this.#opening = deps.gate.onOpen(() => this.#dispatch())
  }

  /** Takes up what earlier daemons left. Nothing is begun before `start`. @throws storage_error */
  static async open(deps: AsyncInvocationsDeps): Promise<AsyncInvocations> {
    const invocations = new AsyncInvocations(deps, await InvocationStore.open(deps.folder, deps.log))
    await invocations.#recover()
    return invocations
  }

  /** How many wait, those included that wait for another try. */
  get waiting(): number {
    return this.#queue.size
  }

  get underWay(): number {
    return this.#queue.underWay
  }

  /** Begins what waits. */
  start(): void {
    this.#dispatch()
  }

  async accept(asked: AskedInvocation, body: AsyncIterable<Uint8Array>): Promise<InvocationRecord> {
    const { signal } = this.#closing
    signal.throwIfAborted()
    const accepting = this.#acceptance.accept(asked, whileOpen(body, signal))
    // Whoever asks learns what became of it.
    this.#background.add(accepting.then(ignore, ignore))
    const { record, isNew } = await accepting
    if (!isNew) return record
    this.#queue.add(this.#know(record))
    this.#dispatch()
    return record
  }

  get(id: string): Promise<InvocationRecord> {
    return this.#pages.get(id)
  }

  page(callerId: string | undefined, limit: number, cursor?: string): Promise<InvocationPage> {
    return this.#pages.page(callerId, limit, cursor)
  }

  async untilEnded(id: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#index.has(id)) throw noInvocation(id)
    const ended = this.#live.get(id)?.ended ?? Promise.resolve()
    const isOver = await endsWithin(this.#deps.clock, timeoutMs, signal, (within) => abortable(ended, within))
    if (isOver && !this.#index.has(id)) throw noInvocation(id)
    return isOver
  }

  async untilNoneUnderWay(signal: AbortSignal): Promise<void> {
    while (this.#queue.underWay > 0) await abortable(this.#rest.promise, signal)
  }

  openAnswer(id: string): Promise<KeptAnswer> {
    return this.#pages.openAnswer(id)
  }

  async remove(id: string): Promise<void> {
    if (!this.#index.has(id)) throw noInvocation(id)
    const known = this.#live.get(id)
    if (known === undefined) await this.#store.remove(id)
    else await this.#forget(known)
    this.#live.delete(id)
    this.#index.remove(id)
    this.#retries.drop(id)
    this.#ended.drop(id)
  }

  /** Lets go: what waits is begun by the next process; requests under way are broken off. Idempotent. */
  async detach(): Promise<void> {
    const reason = new ErrandError('draining', 'the node is stopping')
    this.#closing.abort(reason)
    this.#opening[Symbol.dispose]()
    this.#retries[Symbol.dispose]()
    for (const known of this.#live.values()) known.breakOff(reason)
    await this.#background.idle()
    await this.#ended.idle()
    this.#ended[Symbol.dispose]()
  }

  /** Those that have ended come in the order of their ends; what an earlier daemon had begun may end only now. */
  async #recover(): Promise<void> {
    const listed = await this.#ended.list()
    const ids = await this.#store.ids()
    const ended = ids.map((id) => listed.get(id)).filter((entry) => entry !== undefined)
    for (const entry of ended.sort((a, b) => a.endedMs - b.endedMs)) {
      this.#index.add(entry, entry.key)
      this.#ended.keep(entry, entry.bytes)
    }
    const records = await this.#store.readAll(ids.filter((id) => !listed.has(id)))
    for (const record of records) await this.#takeUp(record)
  }

  async #takeUp(record: InvocationRecord): Promise<void> {
    this.#index.add(record, record.key?.key)
    await this.#sort(this.#know(record))
  }

  /** On a full disk, what became of one that runs no more is kept later. Never rejects. */
  async #sort(known: KnownInvocation): Promise<void> {
    const { id, status } = known.record
    try {
      if (status === 'running') await known.moveOn()
    } catch (error) {
      this.#deps.log.warn({ err: error, invocation: id }, 'what became of an invocation could not be kept yet')
      this.#tryLater(known, known.retryMs())
      return
    }
    if (known.isForgotten) return
    if (!hasEnded(known.record)) return this.#queue.put(known)
    this.#queue.remove(known)
    // There may be very many, for whose measures no stop waits.
    this.#keep(known, this.#closing.signal)
  }

  #know(record: InvocationRecord): KnownInvocation {
    const known = new KnownInvocation({ ...this.#deps, store: this.#store }, record)
    this.#live.set(record.id, known)
    return known
  }

  #dispatch(): void {
    const { gate, limits } = this.#deps
    while (!this.#closing.signal.aborted && gate.state === 'serving' && this.#queue.underWay < limits.concurrency) {
      const known = this.#queue.take()
      if (known === undefined) return
      this.#background.add(this.#answer(known))
    }
  }

  /** Never rejects. */
  async #answer(known: KnownInvocation): Promise<void> {
    const againMs = await known.answer((cancellation) => this.#answering.answer(known, cancellation))
    if (known.isWaiting) {
      // It has its place in the queue again, and counts there.
      this.#queue.park(known)
      this.#tryLater(known, againMs ?? 0)
    } else {
      this.#queue.remove(known)
      if (hasEnded(known.record) && !known.isForgotten) this.#keep(known)
    }
    this.#dispatch()
    if (this.#queue.underWay > 0) return
    this.#rest.resolve()
    this.#rest = Promise.withResolvers()
  }

  #tryAgain(id: string): void {
    const known = this.#live.get(id)
    if (known?.isWaiting !== true) return
    if (known.record.status === 'running') {
      this.#background.add(this.#sort(known).then(() => this.#dispatch()))
      return
    }
    this.#queue.put(known)
    this.#dispatch()
  }

  #tryLater({ record }: KnownInvocation, afterMs: number): void {
    if (!this.#closing.signal.aborted) this.#retries.keep(record.id, afterMs)
  }

  async #forget(known: KnownInvocation): Promise<void> {
    // What waits is not begun while it is being removed.
    if (known.isWaiting) this.#queue.remove(known)
    try {
      await known.forget(new ErrandError('cancelled', 'its caller has removed the invocation'))
    } catch (error) {
      // What was to wake it may have come meanwhile.
      this.#retries.drop(known.record.id)
      this.#tryAgain(known.record.id)
      throw error
    }
  }

  /** One that has ended: somebody may still be to be told. @param until as for `enlist` */
  #keep(known: KnownInvocation, until?: AbortSignal): void {
    const { webhooks, event } = this.#deps
    this.#ended.keep(known.record)
    const letGo = (): void => {
      this.#live.delete(known.record.id)
      this.#background.add(this.#ended.enlist(known.record, until))
    }
    if (known.isToBeTold) known.tell(webhooks, event, letGo)
    else letGo()
  }
}

function ignore(): void {}
