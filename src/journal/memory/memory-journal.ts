import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import {
  type ConfigJournal,
  type ConfigVersion,
  type KeptConfig,
  MOST_CONFIGS,
  type NewConfig,
} from '../config-journal.ts'
import {
  type EndsPage,
  type IdempotencyKey,
  type Journal,
  type JournalEnd,
  type JournalEvent,
  type JournalRecord,
  MOST_EVENTS,
  type Page,
  type PageQuery,
} from '../journal.ts'
import { alreadyExists, keyConflict, notFound } from '../journal-errors.ts'

interface Entry<R> {
  readonly seq: number
  readonly record: R
}

interface Shelf<R> {
  /** By execution id, in the order of insertion. */
  readonly entries: Map<string, Entry<R>>
  readonly keys: Map<string, { readonly digest: string; readonly executionId: string }>
}

/** Remembers as long as this process lives. */
export class MemoryJournal<R extends JournalRecord> implements Journal<R>, ConfigJournal {
  readonly #clock: Clock
  readonly #shelves = new Map<string, Shelf<R>>()
  readonly #listeners = new Set<(event: JournalEvent) => void>()
  #events: { readonly executorId: string; readonly event: JournalEvent }[] = []
  #configs: KeptConfig[] = []
  #lastSeq = 0

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  async insert(record: R, key?: IdempotencyKey): Promise<R | undefined> {
    const { executionId, executorId } = record
    const shelf = this.#shelf(executorId)
    // Without a wait between looking and keeping: two may race.
    const known = key && this.#byKey(shelf, record.callerId, key)
    if (known !== undefined) return known
    if (shelf.entries.has(executionId)) throw alreadyExists(executionId)
    if (key !== undefined) shelf.keys.set(keyIdOf(record.callerId, key), { digest: key.digest, executionId })
    this.#put(shelf, record, this.#nextSeq())
    this.#tell(record)
    return undefined
  }

  async save(record: R): Promise<void> {
    const { executionId, executorId } = record
    const shelf = this.#shelf(executorId)
    const entry = shelf.entries.get(executionId)
    if (entry === undefined) throw notFound(executionId)
    this.#put(shelf, record, entry.seq)
    if (entry.record.status !== record.status) this.#tell(record)
  }

  async find(executorId: string, executionId: string): Promise<R | undefined> {
    return this.#shelf(executorId).entries.get(executionId)?.record
  }

  async findByKey(executorId: string, callerId: string, key: IdempotencyKey): Promise<R | undefined> {
    return this.#byKey(this.#shelf(executorId), callerId, key)
  }

  async unsettled(executorId: string): Promise<R[]> {
    const records = [...this.#shelf(executorId).entries.values()].map(({ record }) => record)
    return records.filter(({ status }) => !isTerminal(status))
  }

  async page(executorId: string, query: PageQuery): Promise<Page<R>> {
    const { limit } = query
    const before = query.cursor === undefined ? Infinity : Number(query.cursor)
    if (Number.isNaN(before)) throw new ErrandError('validation_failed', 'cursor: is none that was handed out')
    const found = [...this.#shelf(executorId).entries.values()]
      .reverse()
      .filter(({ seq, record }) => seq < before && isWanted(record, query))
      .slice(0, limit + 1)
    const records = found.slice(0, limit)
    const last = records.at(-1)
    return {
      records: records.map(({ record }) => record),
      cursor: found.length > limit && last !== undefined ? String(last.seq) : undefined,
    }
  }

  async ends(executorId: string, limit: number, cursor = '0'): Promise<EndsPage> {
    const found = [...this.#shelf(executorId).entries.values()]
      .filter(({ seq, record }) => seq > Number(cursor) && isTerminal(record.status))
      .slice(0, limit)
    const last = found.at(-1)
    return {
      ends: found.map(({ record }) => endOf(record)),
      cursor: found.length < limit || last === undefined ? undefined : String(last.seq),
    }
  }

  async remove(executorId: string, executionId: string): Promise<void> {
    const shelf = this.#shelf(executorId)
    shelf.entries.delete(executionId)
    for (const [key, stands] of shelf.keys) if (stands.executionId === executionId) shelf.keys.delete(key)
  }

  async events(executorId: string, seq: number, limit: number): Promise<JournalEvent[]> {
    return this.#events
      .filter(({ executorId: of, event }) => of === executorId && event.seq > seq)
      .slice(0, limit)
      .map(({ event }) => event)
  }

  async keepConfig(config: NewConfig): Promise<ConfigVersion> {
    const last = this.#configs.at(-1)
    if (last?.hash === config.hash) return { version: last.version, hash: last.hash, sinceMs: last.sinceMs }
    const records = [...this.#shelves.values()].flatMap(({ entries }) => [...entries.values()])
    const before = last?.version ?? Math.max(0, ...records.map(({ record }) => record.configVersion ?? 0))
    const version = before + 1
    const living = records.filter(({ record }) => !isTerminal(record.status))
    const named = new Set(living.map(({ record }) => record.configVersion))
    this.#configs = [...this.#configs, { ...config, version }].filter(
      (kept) => kept.version > version - MOST_CONFIGS || named.has(kept.version),
    )
    return { version, hash: config.hash, sinceMs: config.sinceMs }
  }

  async findConfig(version: number): Promise<KeptConfig | undefined> {
    return this.#configs.find((kept) => kept.version === version)
  }

  onEvent(listener: (event: JournalEvent) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shelves.clear()
    this.#listeners.clear()
  }

  #shelf(executorId: string): Shelf<R> {
    const shelf = this.#shelves.get(executorId) ?? { entries: new Map(), keys: new Map() }
    this.#shelves.set(executorId, shelf)
    return shelf
  }

  #byKey({ keys, entries }: Shelf<R>, callerId: string, key: IdempotencyKey): R | undefined {
    const known = keys.get(keyIdOf(callerId, key))
    if (known === undefined) return undefined
    if (known.digest !== key.digest) throw keyConflict()
    return entries.get(known.executionId)?.record
  }

  #put(shelf: Shelf<R>, record: R, seq: number): void {
    shelf.entries.set(record.executionId, { seq, record })
  }

  #nextSeq(): number {
    this.#lastSeq += 1
    return this.#lastSeq
  }

  #tell(record: R): void {
    const { executionId, callerId, status, reason, executorId } = record
    const told = { executionId, callerId, status, ...(reason !== undefined && { reason }) }
    const event = { seq: this.#nextSeq(), atMs: this.#clock.wallMs(), ...told }
    this.#events.push({ executorId, event })
    if (this.#events.length > 2 * MOST_EVENTS) this.#events = this.#events.slice(-MOST_EVENTS)
    for (const listener of this.#listeners) listener(event)
  }
}

function keyIdOf(callerId: string, { key }: IdempotencyKey): string {
  return JSON.stringify([callerId, key])
}

function endOf({ executionId, times: { endedMs }, request, terms, webhook }: JournalRecord): JournalEnd {
  const { retentionMs = request?.retentionMs } = terms ?? {}
  const { persistLogsMs } = request ?? {}
  return {
    executionId,
    ...(endedMs !== undefined && { endedMs }),
    ...(retentionMs !== undefined && { retentionMs }),
    ...(persistLogsMs !== undefined && { persistLogsMs }),
    isUntold: request?.webhook !== undefined && webhook === undefined,
  }
}

function isWanted({ callerId, status, jobId, request, times }: JournalRecord, query: PageQuery): boolean {
  const { labels = {} } = request ?? {}
  const { sinceMs = -Infinity, untilMs = Infinity } = query
  return (
    (query.callerId === undefined || callerId === query.callerId) &&
    (query.statuses === undefined || query.statuses.includes(status)) &&
    (query.jobId === undefined || jobId === query.jobId) &&
    Object.entries(query.labels ?? {}).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
    times.acceptedMs >= sinceMs &&
    times.acceptedMs < untilMs
  )
}
