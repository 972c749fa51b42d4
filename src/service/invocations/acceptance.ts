import { createHash } from 'node:crypto'
import type { Caller } from '../../core/caller.ts'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { IdSource } from '../../core/ids.ts'
import type { FairQueue } from '../../util/fair-queue.ts'
import { Serial } from '../../util/serial.ts'
import { Tally } from '../../util/tally.ts'
import type { WebhookOutlet } from '../../webhooks/webhooks.ts'
import type { Gate } from '../gate.ts'
import type { NamedTasksApi } from '../tasks/named-tasks.ts'
import type { InvocationIndex } from './invocation-index.ts'
import type { InvocationLimits } from './invocation-limits.ts'
import type { InvocationHead, InvocationRecord } from './invocation-record.ts'
import type { InvocationStore } from './invocation-store.ts'

/** A request that is to be answered later. */
export interface AskedInvocation {
  readonly caller: Caller
  /** The name of a task of the caller. */
  readonly task: string
  readonly head: InvocationHead
  /** Unique among the caller's; the same request sent again with it is no other one. */
  readonly key: string | undefined
  /** It may be sent to its task more than once. */
  readonly isIdempotent: boolean
  readonly webhookUrl: string | undefined
}

export interface AcceptanceDeps {
  readonly tasks: Pick<NamedTasksApi, 'load'>
  readonly gate: Gate
  readonly clock: Clock
  readonly newId: IdSource
  readonly limits: InvocationLimits
  readonly assertRoom: () => Promise<void>
  readonly webhooks: WebhookOutlet
}

interface Accepted {
  readonly record: InvocationRecord
  /** False for one that the key stood for. */
  readonly isNew: boolean
}

type Waiting = Pick<FairQueue<{ callerId: string }>, 'size' | 'sizeOf'>
type FindRecord = (id: string) => Promise<InvocationRecord | undefined>

const FULL_RETRY_MS = 5000

/** The way from a request as it comes to one that will not be forgotten. */
export class Acceptance {
  readonly #deps: AcceptanceDeps
  readonly #store: InvocationStore
  readonly #queue: Waiting
  readonly #index: InvocationIndex
  readonly #find: FindRecord
  /** Of two that come with the same key, one is first. */
  readonly #keyed = new Serial()
  /** Those whose bodies are coming, by caller. */
  readonly #coming = new Tally()

  /** @param find the record of one that is in the index, as it is now; undefined when it is not there any more */
  constructor(deps: AcceptanceDeps, store: InvocationStore, queue: Waiting, index: InvocationIndex, find: FindRecord) {
    this.#deps = deps
    this.#store = store
    this.#queue = queue
    this.#index = index
    this.#find = find
  }

  async accept(asked: AskedInvocation, body: AsyncIterable<Uint8Array>): Promise<Accepted> {
    const { caller, key, webhookUrl, task } = asked
    // What was taken is told whatever is the matter now: it is no new work.
    const before = await this.#findByKey(caller.id, key)
    if (before !== undefined) return { record: await this.#sameAs(before, asked, body), isNew: false }
    const { tasks, gate, webhooks, assertRoom, newId } = this.#deps
    gate.assertOpen()
    tasks.load(caller.id, task)
    if (webhookUrl !== undefined) webhooks.assertAllowed(webhookUrl)
    await assertRoom()
    using _place = this.#takePlace(caller.id)
    const id = newId()
    try {
      const accepted = await this.#receive(id, asked, body)
      if (!accepted.isNew) await this.#store.remove(id)
      return accepted
    } catch (error) {
      await this.#store.remove(id)
      throw error
    }
  }

  /** @throws queue_full */
  #takePlace(callerId: string): Disposable {
    const { queueLimit, callerQueueLimit } = this.#deps.limits
    const isFull = this.#queue.size + this.#coming.total >= queueLimit
    if (isFull || this.#queue.sizeOf(callerId) + this.#coming.of(callerId) >= callerQueueLimit) {
      const whose = isFull ? `${queueLimit} invocations wait` : `${callerQueueLimit} invocations of yours wait`
      const details = { limit: isFull ? queueLimit : callerQueueLimit }
      throw new ErrandError('queue_full', `${whose} already`, { details, retryAfterMs: FULL_RETRY_MS })
    }
    this.#coming.add(callerId)
    return { [Symbol.dispose]: () => this.#coming.remove(callerId) }
  }

  async #receive(id: string, asked: AskedInvocation, body: AsyncIterable<Uint8Array>): Promise<Accepted> {
    const digest = new RequestDigest(asked, this.#deps.limits.maxRequestBytes)
    await this.#store.receive(id, body, (piece) => digest.add(piece))
    const { caller, task, head, key, isIdempotent, webhookUrl } = asked
    const sum = digest.sum()
    const record: InvocationRecord = {
      id,
      callerId: caller.id,
      task,
      method: head.method,
      status: 'queued',
      acceptedMs: this.#deps.clock.wallMs(),
      isIdempotent,
      requestBytes: digest.bytes,
      ...(key !== undefined && { key: { key, digest: sum } }),
      ...(webhookUrl !== undefined && { webhookUrl }),
    }
    const keep = async (): Promise<Accepted> => {
      const before = await this.#findByKey(caller.id, key)
      if (before !== undefined) return { record: assertSame(before, sum), isNew: false }
      await this.#store.accept(record, head)
      this.#index.add(record, key)
      return { record, isNew: true }
    }
    return key === undefined ? keep() : this.#keyed.run(keep)
  }

  async #findByKey(callerId: string, key: string | undefined): Promise<InvocationRecord | undefined> {
    const id = key === undefined ? undefined : this.#index.findByKey(callerId, key)
    return id === undefined ? undefined : this.#find(id)
  }

  async #sameAs(
    before: InvocationRecord,
    asked: AskedInvocation,
    body: AsyncIterable<Uint8Array>,
  ): Promise<InvocationRecord> {
    const digest = new RequestDigest(asked, this.#deps.limits.maxRequestBytes)
    for await (const piece of body) digest.add(piece)
    return assertSame(before, digest.sum())
  }
}

/** Of everything that makes a request the same when it is sent again. */
class RequestDigest {
  readonly #hash = createHash('sha256')
  readonly #limitBytes: number
  #bytes = 0

  constructor({ task, head, isIdempotent, webhookUrl = '' }: AskedInvocation, limitBytes: number) {
    this.#limitBytes = limitBytes
    this.#hash.update(JSON.stringify([task, head.method, head.path, isIdempotent, webhookUrl]))
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @throws validation_failed once it is too much */
  add(piece: Uint8Array): void {
    this.#bytes += piece.length
    if (this.#bytes > this.#limitBytes) {
      const message = `the body is larger than ${this.#limitBytes} bytes`
      throw new ErrandError('validation_failed', message, { details: { limitBytes: this.#limitBytes } })
    }
    this.#hash.update(piece)
  }

  sum(): string {
    return this.#hash.digest('hex')
  }
}

function assertSame(before: InvocationRecord, digest: string): InvocationRecord {
  if (before.key?.digest === digest) return before
  throw new ErrandError('key_conflict', 'the key stands for another request', { details: { id: before.id } })
}
