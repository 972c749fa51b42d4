import type { InstanceView } from '../http/contract/instance-view.ts'
import { getInstance, listInstances, removeInstance } from '../http/contract/operations/tasks.ts'
import type { Calls } from './calls.ts'
import type { CallOptions } from './options.ts'

/** Warm instances. */
export class InstancesClient {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  async list(options: CallOptions = {}): Promise<readonly InstanceView[]> {
    return (await this.#calls.call(listInstances, options)).instances
  }

  async get(id: string, options: CallOptions = {}): Promise<InstanceView> {
    return this.#calls.call(getInstance, { params: { id }, ...options })
  }

  /** Gives it no more requests; it goes when it has answered those that it has. */
  async remove(id: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.call(removeInstance, { params: { id }, ...options })
  }
}
