import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { IdempotencyKey, Journal, JournalEvent, JournalRecord, Page, PageQuery } from '../journal.ts'
import { alreadyExists, keyConflict, notFound } from '../journal-errors.ts'
import type { Answer, Operation, Question, Reply, Row } from './messages.ts'

/** The same file in a checkout and in the published package, but for its ending. */
const WORKER = new URL(`./sqlite-worker${extname(import.meta.filename)}`, import.meta.url)

/**
 * Remembers in a file of SQLite, durably: what was told to be kept is on the disk. Many changes at once share one commit.
 * For one process at a time, which whoever opens it has to see to.
 */
export class SqliteJournal<R extends JournalRecord> implements Journal<R> {
  readonly #worker: Worker
  readonly #clock: Clock
  readonly #path: string
  readonly #open = new Map<number, PromiseWithResolvers<Reply>>()
  readonly #listeners = new Set<(event: JournalEvent) => void>()
  #lastId = 0
  #failure: ErrandError | undefined

  private constructor(worker: Worker, path: string, clock: Clock) {
    this.#worker = worker
    this.#path = path
    this.#clock = clock
    worker.on('message', (answers: readonly Answer[]) => this.#take(answers))
    worker.on('error', (error) => this.#fail(error))
    worker.on('exit', () => this.#fail(new Error('it was closed')))
  }

  /** @throws storage_error for a file that cannot be used: damaged, not ours, or of a newer version */
  static async open<R extends JournalRecord>(path: string, clock: Clock = systemClock): Promise<SqliteJournal<R>> {
    const worker = new Worker(WORKER, { workerData: path, name: 'errand-journal' })
    try {
      await once(worker, 'message')
    } catch (error) {
      await worker.terminate()
      throw storageError(path, error)
    }
    return new SqliteJournal<R>(worker, path, clock)
  }

  async insert(record: R, key?: IdempotencyKey): Promise<R | undefined> {
    const reply = await this.#ask({ kind: 'insert', row: this.#toRow(record), key }, record.executionId)
    return reply.kind === 'records' ? this.#fromJson(reply.records)[0] : undefined
  }

  async save(record: R): Promise<void> {
    await this.#ask({ kind: 'save', row: this.#toRow(record) }, record.executionId)
  }

  async find(executorId: string, executionId: string): Promise<R | undefined> {
    return this.#records(await this.#ask({ kind: 'find', executorId, executionId }))[0]
  }

  async unsettled(executorId: string): Promise<R[]> {
    return this.#records(await this.#ask({ kind: 'unsettled', executorId }))
  }

  async page(executorId: string, query: PageQuery): Promise<Page<R>> {
    if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor)) {
      throw new ErrandError('validation_failed', 'cursor: is none that was handed out')
    }
    const reply = await this.#ask({ kind: 'page', executorId, query })
    return { records: this.#records(reply), cursor: reply.kind === 'records' ? reply.cursor : undefined }
  }

  async remove(executorId: string, executionId: string): Promise<void> {
    await this.#ask({ kind: 'remove', executorId, executionId })
  }

  async events(executorId: string, seq: number, limit: number): Promise<JournalEvent[]> {
    const reply = await this.#ask({ kind: 'events', executorId, seq, limit })
    return reply.kind === 'events' ? [...reply.events] : []
  }

  onEvent(listener: (event: JournalEvent) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** What was asked before is kept before it closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear()
    if (this.#failure !== undefined) return
    const closed = once(this.#worker, 'exit')
    this.#post({ kind: 'close' })
    await closed
  }

  async #ask(operation: Operation, executionId = ''): Promise<Reply> {
    if (this.#failure !== undefined) throw this.#failure
    const answered = Promise.withResolvers<Reply>()
    this.#open.set(this.#post(operation), answered)
    const reply = await answered.promise
    if (reply.kind !== 'refused') return reply
    if (reply.code === 'already_exists') throw alreadyExists(executionId)
    if (reply.code === 'not_found') throw notFound(executionId)
    if (reply.code === 'key_conflict') throw keyConflict()
    throw new ErrandError(reply.code, `the journal could not keep it: ${reply.message}`, { retryAfterMs: 1000 })
  }

  #post(operation: Operation): number {
    this.#lastId += 1
    const question: Question = { id: this.#lastId, operation }
    this.#worker.postMessage(question)
    return this.#lastId
  }

  #take(answers: readonly Answer[]): void {
    for (const { id, reply } of answers) {
      const answered = this.#open.get(id)
      this.#open.delete(id)
      if (reply.kind === 'done' && reply.event !== undefined) this.#tell(reply.event)
      answered?.resolve(reply)
    }
  }

  #tell(event: JournalEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #fail(error: unknown): void {
    this.#failure ??= storageError(this.#path, error)
    for (const answered of this.#open.values()) answered.reject(this.#failure)
    this.#open.clear()
  }

  #toRow(record: R): Row {
    const { executionId, executorId, callerId, status, reason, times } = record
    const columns = { executionId, executorId, callerId, status, times, ...(reason !== undefined && { reason }) }
    return { ...columns, atMs: this.#clock.wallMs(), json: JSON.stringify(record) }
  }

  #records(reply: Reply): R[] {
    return reply.kind === 'records' ? this.#fromJson(reply.records) : []
  }

  /** Only this class writes them. */
  #fromJson(records: readonly string[]): R[] {
    return records.map((record) => JSON.parse(record) as R)
  }
}

function storageError(path: string, error: unknown): ErrandError {
  const message = error instanceof Error ? error.message : String(error)
  return new ErrandError('storage_error', `the journal ${path} cannot be used: ${message}`, {
    details: { path },
    cause: error,
  })
}
