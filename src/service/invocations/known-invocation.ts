import { Cancellation } from '../../core/cancellation.ts'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { Backoff } from '../../util/backoff.ts'
import { Serial } from '../../util/serial.ts'
import type { WebhookOutlet } from '../../webhooks/webhooks.ts'
import { assertMove, hasEnded, type InvocationRecord, type InvocationStatus } from './invocation-record.ts'
import type { InvocationStore } from './invocation-store.ts'
import type { LaterMeter } from './later-meter.ts'

type Changes = Partial<Pick<InvocationRecord, 'failure' | 'answer' | 'webhook'>>

/** What this process does with one. */
type Phase =
  /** It is in the queue, or for its record to be written: where that says that it runs, it does not. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'answering'; readonly cancellation: Cancellation; readonly over: Promise<void> }
  /** Nothing: it has ended, or how it ends is for the next process to say. */
  | { readonly kind: 'resting' }
  /** It is being removed: nothing of it is written any more. */
  | { readonly kind: 'leaving'; readonly over: Promise<void> }
  | { readonly kind: 'gone' }

const NEXT: Record<Phase['kind'], readonly Phase['kind'][]> = {
  waiting: ['answering', 'resting', 'leaving'],
  answering: ['waiting', 'resting', 'leaving'],
  resting: ['leaving'],
  // Back where it could not be removed.
  leaving: ['waiting', 'resting', 'gone'],
  gone: [],
}

const FIRST_RETRY_MS = 1000
const MOST_RETRY_MS = 30_000

interface KnownInvocationDeps {
  readonly store: InvocationStore
  readonly clock: Clock
  readonly meter?: LaterMeter | undefined
}

/** One invocation that has not ended, or whose end is still to be told. The only writer of its record; what it says is on the disk. */
export class KnownInvocation {
  /** Resolves when it has ended, or was forgotten. */
  readonly ended: Promise<void>
  readonly #store: InvocationStore
  readonly #clock: Clock
  readonly #meter: LaterMeter | undefined
  readonly #changes = new Serial()
  readonly #hasEnded = Promise.withResolvers<void>()
  readonly #backoff = new Backoff(FIRST_RETRY_MS, MOST_RETRY_MS)
  #record: InvocationRecord
  #phase: Phase
  /** What became of it, where that could not be kept. */
  #overdue: { readonly status: InvocationStatus; readonly changes: Changes } | undefined

  constructor({ store, clock, meter }: KnownInvocationDeps, record: InvocationRecord) {
    this.#store = store
    this.#clock = clock
    this.#meter = meter
    this.#record = record
    this.#phase = { kind: hasEnded(record) ? 'resting' : 'waiting' }
    this.ended = this.#hasEnded.promise
    if (hasEnded(record)) this.#hasEnded.resolve()
  }

  static webhookIdOf(id: string): string {
    return `invocation-${id}`
  }

  get record(): InvocationRecord {
    return this.#record
  }

  get callerId(): string {
    return this.#record.callerId
  }

  get isWaiting(): boolean {
    return this.#phase.kind === 'waiting'
  }

  /** Its caller has removed it, or is about to. */
  get isForgotten(): boolean {
    return this.#phase.kind === 'leaving' || this.#phase.kind === 'gone'
  }

  /** What its caller was to be told, and has not been. */
  get isToBeTold(): boolean {
    return this.#record.webhookUrl !== undefined && this.#record.webhook === undefined
  }

  /** @throws internal for a move that is none; storage_full, storage_error, and then nothing has changed */
  async move(status: InvocationStatus, changes: Changes = {}): Promise<void> {
    const before = this.#record
    await this.#change((record) => {
      assertMove(record.status, status)
      const nowMs = this.#clock.wallMs()
      const moved = { ...record, ...changes, status }
      if (status === 'running') return { ...moved, begunMs: nowMs }
      return hasEnded(moved) ? { ...moved, endedMs: nowMs } : moved
    })
    if (this.#record.status !== before.status) this.#measure(before)
    if (!hasEnded(this.#record)) return
    if (this.#phase.kind === 'waiting') this.#enter({ kind: 'resting' })
    this.#hasEnded.resolve()
  }

  /** As `move`; what cannot be kept now is what `moveOn` keeps. @throws as `move` */
  async moveAtLast(status: InvocationStatus, changes: Changes = {}): Promise<void> {
    this.#overdue = { status, changes }
    await this.move(status, changes)
    this.#overdue = undefined
  }

  /** Where it goes that runs no more: as far as is known, or as any that was broken off. @throws as `move` */
  async moveOn(): Promise<void> {
    const { status, changes = {} } = this.#overdue ?? { status: this.#record.isIdempotent ? 'queued' : 'lost' }
    await this.moveAtLast(status, changes)
  }

  /** After how many milliseconds it makes sense to try again to keep what could not be kept. */
  retryMs(): number {
    return this.#backoff.nextMs()
  }

  /**
   * @param work never rejects; resolves with the time after which it is to be tried again, undefined for one that is over
   * @returns what `work` resolves with
   */
  async answer(work: (cancellation: Cancellation) => Promise<number | undefined>): Promise<number | undefined> {
    const cancellation = new Cancellation()
    const over = Promise.withResolvers<void>()
    this.#enter({ kind: 'answering', cancellation, over: over.promise })
    const againMs = await work(cancellation)
    if (this.#phase.kind === 'answering') this.#enter({ kind: againMs === undefined ? 'resting' : 'waiting' })
    over.resolve()
    return againMs
  }

  /** Breaks it off if it is under way. */
  breakOff(reason: ErrandError): void {
    if (this.#phase.kind === 'answering') this.#phase.cancellation.cancel(reason)
  }

  /** Hands its end to whoever tells it to the caller's webhook. @param onTold when that is over, unless it was forgotten before */
  tell(webhooks: WebhookOutlet, event: (record: InvocationRecord) => object, onTold: () => void): void {
    const { id, webhookUrl = '', endedMs = 0 } = this.#record
    webhooks.add({
      id: KnownInvocation.webhookIdOf(id),
      callerId: this.callerId,
      url: webhookUrl,
      sinceMs: endedMs,
      load: async () => (this.isForgotten ? undefined : event(this.#record)),
      settle: async (outcome) => {
        await this.#change((record) => ({ ...record, webhook: outcome }))
        if (!this.isForgotten) onTold()
      },
    })
  }

  /**
   * Breaks it off with `reason` if it is under way, and removes all that there is of it.
   * @throws storage_full, storage_error, and then it waits, under way no more, or rests if it has ended
   */
  forget(reason: ErrandError): Promise<void> {
    if (this.#phase.kind === 'leaving') return this.#phase.over
    if (this.#phase.kind === 'gone') return Promise.resolve()
    const before = this.#phase
    const left = Promise.withResolvers<void>()
    this.#enter({ kind: 'leaving', over: left.promise })
    this.#leave(before, reason).then(left.resolve, left.reject)
    return left.promise
  }

  async #leave(before: Phase, reason: ErrandError): Promise<void> {
    if (before.kind === 'answering') {
      before.cancellation.cancel(reason)
      await before.over
    }
    try {
      await this.#changes.run(() => this.#store.remove(this.#record.id))
    } catch (error) {
      this.#enter({ kind: hasEnded(this.#record) ? 'resting' : 'waiting' })
      throw error
    }
    this.#enter({ kind: 'gone' })
    this.#hasEnded.resolve()
  }

  #measure({ begunMs }: InvocationRecord): void {
    const { status, acceptedMs } = this.#record
    // By the wall clock, which may have been set back.
    const ms = Math.max(0, this.#clock.wallMs() - acceptedMs)
    if (status === 'running') this.#meter?.begun(begunMs === undefined ? ms : undefined)
    else if (hasEnded(this.#record)) this.#meter?.ended(status, ms)
  }

  /** The only way from one phase to another. */
  #enter(next: Phase): void {
    const { kind } = this.#phase
    if (!NEXT[kind].includes(next.kind)) {
      throw new ErrandError('internal', `an invocation that is ${kind} cannot be ${next.kind}`)
    }
    this.#phase = next
  }

  async #change(next: (record: InvocationRecord) => InvocationRecord): Promise<void> {
    await this.#changes.run(async () => {
      if (this.isForgotten) return
      const record = next(this.#record)
      await this.#store.save(record)
      this.#record = record
    })
  }
}
