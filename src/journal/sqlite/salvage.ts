import { rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { isExecutionStatus } from '../../core/execution.ts'
import type { IdempotencyKey, JournalRecord } from '../journal.ts'
import type { Salvage, SalvagedEntry } from '../journal-repair.ts'

/** Asked in this order until one answers: pages of the table, of its sequence, or of an index may be what is damaged. */
const LAST_SEQ = [
  "SELECT seq AS last FROM sqlite_sequence WHERE name = 'executions'",
  'SELECT max(seq) AS last FROM executions',
  'SELECT max(seq) AS last FROM executions INDEXED BY unsettled WHERE is_settled = 0',
]
/** Where none of them does: no record is smaller. */
const LEAST_RECORD_BYTES = 100

/** Reads what can be read of a file that is damaged, record by record, so that each bad page costs only what is on it. */
export function salvageFrom<R extends JournalRecord>(path: string, fileBytes: number): Salvage<R> {
  try {
    using database = new DatabaseSync(path, { readOnly: true })
    const keys = readKeys(database)
    const last = lastSeq(database) ?? Math.ceil(fileBytes / LEAST_RECORD_BYTES)
    return readRecords<R>(database.prepare('SELECT executor, id, record FROM executions WHERE seq = ?'), last, keys)
  } catch {
    // Nothing of it can be made out.
    return { entries: [], unreadable: undefined }
  } finally {
    rmSync(`${path}-shm`, { force: true })
  }
}

function readRecords<R extends JournalRecord>(
  select: StatementSync,
  last: number,
  keys: ReadonlyMap<string, IdempotencyKey>,
): Salvage<R> {
  const entries: SalvagedEntry<R>[] = []
  let unreadable = 0
  for (let seq = 1; seq <= last; seq += 1) {
    const row = attempt(() => select.get(seq))
    if (row === undefined) continue // it was removed
    const record = row === BROKEN ? undefined : parse<R>(row)
    if (record === undefined) unreadable += 1
    else entries.push({ record, key: keys.get(keyOf(record.executorId, record.executionId)) })
  }
  return { entries, unreadable }
}

const BROKEN = Symbol('broken')

function attempt<T>(read: () => T): T | typeof BROKEN {
  try {
    return read()
  } catch {
    return BROKEN
  }
}

/** A record that is what its columns say it is. */
function parse<R extends JournalRecord>({ executor, id, record }: Record<string, unknown>): R | undefined {
  try {
    const parsed = JSON.parse(String(record)) as Partial<JournalRecord> | null
    const isWhole =
      parsed?.executionId === id &&
      parsed?.executorId === executor &&
      typeof parsed?.callerId === 'string' &&
      typeof parsed.times?.acceptedMs === 'number' &&
      isExecutionStatus(parsed.status)
    return isWhole ? (parsed as R) : undefined
  } catch {
    return undefined
  }
}

function lastSeq(database: DatabaseSync): number | undefined {
  for (const sql of LAST_SEQ) {
    const row = attempt(() => database.prepare(sql).get())
    if (row !== BROKEN && typeof row?.last === 'number') return row.last
  }
  return undefined
}

/** Those before the first bad page: a key that is lost costs no more than that a request can be sent twice. */
function readKeys(database: DatabaseSync): Map<string, IdempotencyKey> {
  const keys = new Map<string, IdempotencyKey>()
  attempt(() => {
    for (const { executor, id, key, digest } of database
      .prepare('SELECT executor, id, key, digest FROM keys')
      .iterate()) {
      keys.set(keyOf(String(executor), String(id)), { key: String(key), digest: String(digest) })
    }
  })
  return keys
}

function keyOf(executorId: string, executionId: string): string {
  return JSON.stringify([executorId, executionId])
}
