import { ErrandError } from '../../core/errors.ts'
import type { Journal, JournalRecord } from '../journal.ts'

/** Remembers as long as this process lives. */
export class MemoryJournal<R extends JournalRecord> implements Journal<R> {
  readonly #executors = new Map<string, Map<string, R>>()

  async insert(record: R): Promise<void> {
    const { executorId, executionId } = record
    const records = this.#executors.get(executorId) ?? new Map<string, R>()
    if (records.has(executionId)) {
      throw new ErrandError('already_exists', `there is an execution ${executionId} already`, {
        details: { executionId },
      })
    }
    this.#executors.set(executorId, records.set(executionId, record))
  }

  async save(record: R): Promise<void> {
    const { executorId, executionId } = record
    const records = this.#executors.get(executorId)
    if (records?.has(executionId) !== true) {
      throw new ErrandError('not_found', `there is no execution ${executionId}`, { details: { executionId } })
    }
    records.set(executionId, record)
  }

  async find(executorId: string, executionId: string): Promise<R | undefined> {
    return this.#executors.get(executorId)?.get(executionId)
  }

  async list(executorId: string): Promise<R[]> {
    return [...(this.#executors.get(executorId)?.values() ?? [])]
  }

  async remove(executorId: string, executionId: string): Promise<void> {
    const records = this.#executors.get(executorId)
    records?.delete(executionId)
    if (records?.size === 0) this.#executors.delete(executorId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#executors.clear()
  }
}
