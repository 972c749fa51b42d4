import type { Cancellation } from '../../core/cancellation.ts'
import type { Clock } from '../../core/clock.ts'
import type { ErrandError } from '../../core/errors.ts'
import { Serial } from '../../util/serial.ts'
import type { WebhookOutlet } from '../../webhooks/webhooks.ts'
import { assertMove, hasEnded, type InvocationRecord, type InvocationStatus } from './invocation-record.ts'
import type { InvocationStore } from './invocation-store.ts'

type Changes = Partial<Pick<InvocationRecord, 'failure' | 'answer' | 'webhook'>>

/** One invocation in this process. The only writer of its record; what it says is on the disk. */
export class KnownInvocation {
  /** Resolves when it has ended, or was forgotten. */
  readonly ended: Promise<void>
  /** While it is under way. */
  cancellation: Cancellation | undefined
  work: Promise<void> = Promise.resolve()
  readonly #store: InvocationStore
  readonly #clock: Clock
  readonly #changes = new Serial()
  readonly #hasEnded = Promise.withResolvers<void>()
  #record: InvocationRecord
  #isForgotten = false

  constructor(store: InvocationStore, clock: Clock, record: InvocationRecord) {
    this.#store = store
    this.#clock = clock
    this.#record = record
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

  get isForgotten(): boolean {
    return this.#isForgotten
  }

  /** @throws internal for a move that is none; storage_full, storage_error, and then nothing has changed */
  async move(status: InvocationStatus, changes: Changes = {}): Promise<void> {
    await this.#change((record) => {
      assertMove(record.status, status)
      const nowMs = this.#clock.wallMs()
      const moved = { ...record, ...changes, status }
      if (status === 'running') return { ...moved, begunMs: nowMs }
      return hasEnded(moved) ? { ...moved, endedMs: nowMs } : moved
    })
    if (hasEnded(this.#record)) this.#hasEnded.resolve()
  }

  /** Hands its end to whoever tells it to the caller's webhook, unless that was done. */
  tell(webhooks: WebhookOutlet, event: (record: InvocationRecord) => object): void {
    const { id, webhookUrl, webhook, endedMs = 0 } = this.#record
    if (webhookUrl === undefined || webhook !== undefined) return
    webhooks.add({
      id: KnownInvocation.webhookIdOf(id),
      url: webhookUrl,
      sinceMs: endedMs,
      load: async () => (this.#isForgotten ? undefined : event(this.#record)),
      settle: (outcome) => this.#change((record) => ({ ...record, webhook: outcome })),
    })
  }

  /** Breaks it off with `reason` if it is under way, and removes all that there is of it. */
  async forget(reason: ErrandError): Promise<void> {
    this.#isForgotten = true
    this.cancellation?.cancel(reason)
    await this.work
    await this.#changes.run(() => this.#store.remove(this.#record.id))
    this.#hasEnded.resolve()
  }

  async #change(next: (record: InvocationRecord) => InvocationRecord): Promise<void> {
    await this.#changes.run(async () => {
      if (this.#isForgotten) return
      const record = next(this.#record)
      await this.#store.save(record)
      this.#record = record
    })
  }
}
