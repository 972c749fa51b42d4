import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { Heartbeat } from '../../util/heartbeat.ts'
import type { ConfigJournal, ConfigVersion, KeptConfig, NewConfig } from '../config-journal.ts'
import type { EndsPage, IdempotencyKey, Journal, JournalEvent, JournalRecord, Page, PageQuery } from '../journal.ts'
import { alreadyExists, keyConflict, notFound } from '../journal-errors.ts'
import type { JournalMeter } from '../journal-meter.ts'
import { DatabaseThread } from './database-thread.ts'
import type { Operation, Reply, Row } from './messages.ts'

/** The file's name in a state folder. */
export const JOURNAL_FILE = 'journal.db'

const RESERVE_BYTES = 32 * 2 ** 20

export interface SqliteJournalOptions {
  readonly clock?: Clock
  /** Kept free beside the file for what runs, 0 or more. Default: 32 MiB. */
  readonly reserveBytes?: number
  /** Told, once, when the journal has failed for good: nothing can be kept any more, so the process had better end. */
  readonly onFailure?: (error: ErrandError) => void
  readonly meter?: JournalMeter | undefined
  /** Of the main thread: the thread of the journal looks after it. */
  readonly heartbeat?: Heartbeat | undefined
}

/**
 * Remembers in a file of SQLite, durably: what was told to be kept is on the disk. Many changes at once share one commit.
 * For one process at a time. When the disk is full nothing new is taken (`storage_full`), while what is kept can still be
 * changed, out of a reserve, and read; it goes on by itself once there is room. However many changes wait, they cost no
 * more memory than the records that were handed in.
 */
export class SqliteJournal<R extends JournalRecord> implements Journal<R>, ConfigJournal {
  readonly #thread: DatabaseThread
  readonly #clock: Clock
  readonly #listeners: Set<(event: JournalEvent) => void>

  private constructor(thread: DatabaseThread, clock: Clock, listeners: Set<(event: JournalEvent) => void>) {
    this.#thread = thread
    this.#clock = clock
    this.#listeners = listeners
  }

  /** @throws storage_error for a file that cannot be used: damaged, not ours, or of a newer version */
  static async open<R extends JournalRecord>(
    path: string,
    options: SqliteJournalOptions = {},
  ): Promise<SqliteJournal<R>> {
    const { clock = systemClock, reserveBytes = RESERVE_BYTES, onFailure = () => {}, meter } = options
    const heartbeat = options.heartbeat?.shared
    const listeners = new Set<(event: JournalEvent) => void>()
    const onReply = (reply: Reply): void => {
      if (reply.kind !== 'done' || reply.event === undefined) return
      for (const listener of listeners) listener(reply.event)
    }
    const thread = await DatabaseThread.open({ path, reserveBytes, heartbeat }, { onReply, onFailure, meter, clock })
    return new SqliteJournal<R>(thread, clock, listeners)
  }

  /**
   * From now on all that is here belongs to one executor: the one of the youngest record, or `executorId` where there is
   * none. Resolves with its id. Of two records of one id the youngest executor's stays, and the other one is not found.
   * @throws storage_full; storage_error
   */
  async adopt(executorId: string): Promise<string> {
    const reply = await this.#ask(() => ({ kind: 'adopt', executorId }))
    return reply.kind === 'adopted' ? reply.executorId : executorId
  }

  async insert(record: R, key?: IdempotencyKey): Promise<R | undefined> {
    const reply = await this.#ask(() => ({ kind: 'insert', row: this.#toRow(record), key }), record.executionId)
    return reply.kind === 'records' ? this.#fromJson(reply.records)[0] : undefined
  }

  async save(record: R): Promise<void> {
    await this.#ask(() => ({ kind: 'save', row: this.#toRow(record) }), record.executionId)
  }

  async find(executorId: string, executionId: string): Promise<R | undefined> {
    return this.#records(await this.#ask(() => ({ kind: 'find', executorId, executionId })))[0]
  }

  async findByKey(executorId: string, callerId: string, key: IdempotencyKey): Promise<R | undefined> {
    return this.#records(await this.#ask(() => ({ kind: 'findByKey', executorId, callerId, key })))[0]
  }

  async unsettled(executorId: string): Promise<R[]> {
    return this.#records(await this.#ask(() => ({ kind: 'unsettled', executorId })))
  }

  async page(executorId: string, query: PageQuery): Promise<Page<R>> {
    if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor)) {
      throw new ErrandError('validation_failed', 'cursor: is none that was handed out')
    }
    const reply = await this.#ask(() => ({ kind: 'page', executorId, query }))
    return { records: this.#records(reply), cursor: reply.kind === 'records' ? reply.cursor : undefined }
  }

  async ends(executorId: string, limit: number, cursor = '0'): Promise<EndsPage> {
    const reply = await this.#ask(() => ({ kind: 'ends', executorId, limit, after: Number(cursor) }))
    return reply.kind === 'ends' ? { ends: reply.ends, cursor: reply.cursor } : { ends: [], cursor: undefined }
  }

  async remove(executorId: string, executionId: string): Promise<void> {
    await this.#ask(() => ({ kind: 'remove', executorId, executionId }))
  }

  async events(executorId: string, seq: number, limit: number): Promise<JournalEvent[]> {
    const reply = await this.#ask(() => ({ kind: 'events', executorId, seq, limit }))
    return reply.kind === 'events' ? [...reply.events] : []
  }

  async keepConfig(config: NewConfig): Promise<ConfigVersion> {
    const reply = await this.#ask(() => ({ kind: 'keepConfig', config }))
    if (reply.kind === 'keptConfig') return reply.kept
    throw new ErrandError('internal', `the journal answered ${reply.kind} to a configuration`)
  }

  async findConfig(version: number): Promise<KeptConfig | undefined> {
    const reply = await this.#ask(() => ({ kind: 'findConfig', version }))
    return reply.kind === 'foundConfig' ? reply.found : undefined
  }

  onEvent(listener: (event: JournalEvent) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** What was asked before is kept before it closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear()
    await this.#thread[Symbol.asyncDispose]()
  }

  async #ask(make: () => Operation, executionId = ''): Promise<Reply> {
    const reply = await this.#thread.ask(make)
    if (reply.kind !== 'refused') return reply
    if (reply.code === 'already_exists') throw alreadyExists(executionId)
    if (reply.code === 'not_found') throw notFound(executionId)
    if (reply.code === 'key_conflict') throw keyConflict()
    throw new ErrandError(reply.code, `the journal could not keep it: ${reply.message}`, { retryAfterMs: 1000 })
  }

  #toRow(record: R): Row {
    const { executionId, executorId, callerId, status, reason, times, jobId, request } = record
    const columns = {
      executionId,
      executorId,
      callerId,
      status,
      times,
      ...(reason !== undefined && { reason }),
      ...(jobId !== undefined && { jobId }),
      ...(request?.labels !== undefined && { request: { labels: request.labels } }),
    }
    return { ...columns, atMs: this.#clock.wallMs(), json: JSON.stringify(record) }
  }

  #records(reply: Reply): R[] {
    return reply.kind === 'records' ? this.#fromJson(reply.records) : []
  }

  #fromJson(records: readonly string[]): R[] {
    return records.map((record) => parse<R>(record))
  }
}

/** Only this class writes them. @throws storage_error for one that was damaged since */
function parse<R>(record: string): R {
  try {
    return JSON.parse(record) as R
  } catch (cause) {
    throw new ErrandError('storage_error', 'a record of the journal is damaged', { cause })
  }
}
