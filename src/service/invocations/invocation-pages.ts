import { ErrandError } from '../../core/errors.ts'
import type { InvocationIndex } from './invocation-index.ts'
import { hasEnded, type InvocationRecord } from './invocation-record.ts'
import type { InvocationStore } from './invocation-store.ts'
import type { KnownInvocation } from './known-invocation.ts'
import type { InvocationPage, KeptAnswer } from './later-api.ts'

/** What is read of invocations: of those with which nothing is to be done any more, from the disk. */
export class InvocationPages {
  readonly #store: InvocationStore
  readonly #index: InvocationIndex
  readonly #live: ReadonlyMap<string, KnownInvocation>

  constructor(store: InvocationStore, index: InvocationIndex, live: ReadonlyMap<string, KnownInvocation>) {
    this.#store = store
    this.#index = index
    this.#live = live
  }

  /** Undefined for one that there is not, or not any more. @throws storage_error */
  async find(id: string): Promise<InvocationRecord | undefined> {
    if (!this.#index.has(id)) return undefined
    return this.#live.get(id)?.record ?? this.#store.find(id)
  }

  /** @throws not_found; storage_error */
  async get(id: string): Promise<InvocationRecord> {
    const record = await this.find(id)
    if (record !== undefined) return record
    throw noInvocation(id)
  }

  /** @throws validation_failed, storage_error */
  async page(callerId: string | undefined, limit: number, cursor?: string): Promise<InvocationPage> {
    const page = this.#index.page(callerId, limit, cursor)
    const records = await Promise.all(page.ids.map((id) => this.find(id)))
    return { records: records.filter((record) => record !== undefined), cursor: page.cursor }
  }

  /** @throws not_found, not_ready, storage_error */
  async openAnswer(id: string): Promise<KeptAnswer> {
    const record = await this.get(id)
    if (!hasEnded(record)) throw new ErrandError('not_ready', `invocation ${id} is ${record.status}`)
    if (record.answer !== undefined) return { ...record.answer, ...(await this.#store.loadAnswer(id)) }
    throw new ErrandError('not_found', `invocation ${id} has no answer: it is ${record.status}`)
  }
}

export function noInvocation(id: string): ErrandError {
  return new ErrandError('not_found', `there is no invocation ${id}`)
}
