import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type EndReason, type ExecutionStatus, isTerminal } from '../../core/execution.ts'
import { type IdempotencyKey, type JournalEvent, MOST_EVENTS, type PageQuery } from '../journal.ts'
import { adopt } from './adoption.ts'
import { ENDS_SQL, endsPage } from './ends-page.ts'
import { findConfig, keepConfig } from './kept-configs.ts'
import type { Operation, Refusal, Reply, Row } from './messages.ts'
import { pagePart } from './page-part.ts'

/** Of labels that more executions have than this, any will do to begin with. */
const RARE = 2000

const SQL = {
  insert: `INSERT INTO executions (executor, id, caller, status, accepted_ms, is_settled, record, job)
    VALUES (:executor, :id, :caller, :status, :accepted, :settled, :record, :job)`,
  addLabel: 'INSERT INTO labels (executor, key, value, seq, caller, accepted_ms) VALUES (?, ?, ?, ?, ?, ?)',
  countLabel: `SELECT count(*) AS count FROM
    (SELECT 1 FROM labels WHERE executor = ? AND key = ? AND value = ? LIMIT ${RARE})`,
  save: `UPDATE executions SET status = :status, is_settled = :settled, record = :record
    WHERE executor = :executor AND id = :id`,
  find: 'SELECT record, status FROM executions WHERE executor = ? AND id = ?',
  unsettled: 'SELECT record FROM executions WHERE executor = ? AND is_settled = 0 ORDER BY seq',
  ends: ENDS_SQL,
  remove: 'DELETE FROM executions WHERE executor = ? AND id = ?',
  findKey: `SELECT digest, record FROM keys JOIN executions USING (executor, id)
    WHERE keys.executor = ? AND keys.caller = ? AND keys.key = ?`,
  addKey: 'INSERT OR REPLACE INTO keys (executor, caller, key, digest, id) VALUES (?, ?, ?, ?, ?)',
  removeKeys: 'DELETE FROM keys WHERE executor = ? AND id = ?',
  addEvent: 'INSERT INTO events (executor, id, caller, at_ms, status, reason) VALUES (?, ?, ?, ?, ?, ?)',
  dropEvents: 'DELETE FROM events WHERE seq <= ?',
  events: 'SELECT * FROM events WHERE executor = ? AND seq > ? ORDER BY seq LIMIT ?',
} as const

type Insertion = Extract<Operation, { kind: 'insert' }>

/** What each operation means in SQL. Knows nothing of transactions. */
export class Statements {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  run(operation: Operation): Reply {
    switch (operation.kind) {
      case 'insert':
        return this.#insert(operation)
      case 'save':
        return this.#save(operation.row)
      case 'find':
        return records(this.#sql(SQL.find).all(operation.executorId, operation.executionId))
      case 'findByKey':
        return this.#byKey(operation.executorId, operation.callerId, operation.key) ?? records([])
      case 'unsettled':
        return records(this.#sql(SQL.unsettled).all(operation.executorId))
      case 'page':
        return this.#page(operation.executorId, operation.query)
      case 'remove':
        this.#sql(SQL.remove).run(operation.executorId, operation.executionId)
        this.#sql(SQL.removeKeys).run(operation.executorId, operation.executionId)
        return { kind: 'done' }
      case 'events':
        return this.#events(operation.executorId, operation.seq, operation.limit)
      case 'ends':
        return endsPage(this.#sql(SQL.ends), operation)
      case 'adopt':
        return { kind: 'adopted', executorId: adopt(this.#database, operation.executorId) }
      case 'keepConfig':
        return { kind: 'keptConfig', kept: keepConfig(this.#database, operation.config) }
      case 'findConfig':
        return { kind: 'foundConfig', found: findConfig(this.#database, operation.version) }
      default:
        return operation satisfies never
    }
  }

  /** The answer to an insertion that keeps nothing; undefined for one that would. */
  known({ row, key }: Insertion): Reply | undefined {
    const { executorId, executionId, callerId } = row
    const known = key && this.#byKey(executorId, callerId, key)
    if (known !== undefined) return known
    const isTaken = this.#sql(SQL.find).get(executorId, executionId) !== undefined
    return isTaken ? refuse('already_exists') : undefined
  }

  #byKey(executorId: string, callerId: string, { key, digest }: IdempotencyKey): Reply | undefined {
    const known = this.#sql(SQL.findKey).get(executorId, callerId, key)
    if (known === undefined) return undefined
    return known.digest === digest ? records([known]) : refuse('key_conflict')
  }

  #insert(insertion: Insertion): Reply {
    const known = this.known(insertion)
    if (known !== undefined) return known
    const { row, key } = insertion
    const { executorId, executionId, callerId } = row
    const { jobId: job = null, times, request } = row
    const inserted = this.#sql(SQL.insert).run({ ...columns(row), caller: callerId, accepted: times.acceptedMs, job })
    for (const [label, value] of Object.entries(request?.labels ?? {})) {
      const { lastInsertRowid: seq } = inserted
      this.#sql(SQL.addLabel).run(executorId, label, value, seq, callerId, times.acceptedMs)
    }
    if (key !== undefined) this.#sql(SQL.addKey).run(executorId, callerId, key.key, key.digest, executionId)
    return { kind: 'done', event: this.#addEvent(row) }
  }

  #save(row: Row): Reply {
    const before = this.#sql(SQL.find).get(row.executorId, row.executionId)
    if (before === undefined) return refuse('not_found')
    this.#sql(SQL.save).run(columns(row))
    return before.status === row.status ? { kind: 'done' } : { kind: 'done', event: this.#addEvent(row) }
  }

  #addEvent({ executorId, executionId, callerId, status, reason, atMs }: Row): JournalEvent {
    const added = this.#sql(SQL.addEvent).run(executorId, executionId, callerId, atMs, status, reason ?? null)
    const seq = Number(added.lastInsertRowid)
    if (seq % MOST_EVENTS === 0) this.#sql(SQL.dropEvents).run(seq - MOST_EVENTS)
    return { seq, atMs, executionId, callerId, status, ...(reason !== undefined && { reason }) }
  }

  #page(executorId: string, query: PageQuery): Reply {
    const { statuses, limit } = query
    if (statuses?.length === 0) return records([])
    // One index has them in order for each status, none for several: the first of each, merged.
    const labels = this.#rarestFirst(executorId, query.labels ?? {})
    const parts = (statuses ?? [undefined]).map((status) => pagePart(executorId, query, status, labels))
    const found = parts.map(({ sql }) => `SELECT seq FROM (${sql})`).join(' UNION ALL ')
    const sql = `SELECT seq, record FROM executions WHERE seq IN (${found}) ORDER BY seq DESC LIMIT ?`
    const rows = this.#sql(sql).all(...parts.flatMap(({ values }) => values), limit + 1)
    const last = rows[limit - 1]
    const page = records(rows.slice(0, limit))
    return rows.length > limit && last !== undefined ? { ...page, cursor: String(last.seq) } : page
  }

  /** A list is made from those that have the first. */
  #rarestFirst(executorId: string, labels: Readonly<Record<string, string>>): [string, string][] {
    const entries = Object.entries(labels)
    if (entries.length < 2) return entries
    const countOf = ([key, value]: readonly [string, string]): number =>
      Number(this.#sql(SQL.countLabel).get(executorId, key, value)?.count)
    const counted = entries.map((entry) => ({ entry, count: countOf(entry) }))
    return counted.toSorted((a, b) => a.count - b.count).map(({ entry }) => entry)
  }

  #events(executorId: string, seq: number, limit: number): Reply {
    const rows = this.#sql(SQL.events).all(executorId, seq, limit)
    return { kind: 'events', events: rows.map(toEvent) }
  }

  #sql(text: string): StatementSync {
    const known = this.#prepared.get(text)
    if (known !== undefined) return known
    const prepared = this.#database.prepare(text)
    this.#prepared.set(text, prepared)
    return prepared
  }
}

function columns({ executorId, executionId, status, json }: Row): Record<string, string | number> {
  return { executor: executorId, id: executionId, status, settled: isTerminal(status) ? 1 : 0, record: json }
}

function records(rows: readonly Record<string, unknown>[]): Extract<Reply, { kind: 'records' }> {
  return { kind: 'records', records: rows.map((row) => String(row.record)) }
}

function refuse(code: Refusal): Reply {
  return { kind: 'refused', code, message: '' }
}

/** The columns are ours: nothing else writes them. */
function toEvent(row: Record<string, unknown>): JournalEvent {
  const { seq, at_ms, id, caller, status, reason } = row
  return {
    seq: Number(seq),
    atMs: Number(at_ms),
    executionId: String(id),
    callerId: String(caller),
    status: status as ExecutionStatus,
    ...(reason !== null && { reason: reason as EndReason }),
  }
}
