import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type EndReason, type ExecutionStatus, isTerminal } from '../../core/execution.ts'
import type { IdempotencyKey, JournalEvent, PageQuery } from '../journal.ts'
import type { Operation, Refusal, Reply, Row } from './messages.ts'

/** Events that are remembered; who comes later has missed some. */
const MOST_EVENTS = 10_000

const SQL = {
  insert: `INSERT INTO executions (executor, id, caller, status, accepted_ms, is_settled, record)
    VALUES (:executor, :id, :caller, :status, :accepted, :settled, :record)`,
  save: `UPDATE executions SET status = :status, is_settled = :settled, record = :record
    WHERE executor = :executor AND id = :id`,
  find: 'SELECT record, status FROM executions WHERE executor = ? AND id = ?',
  unsettled: 'SELECT record FROM executions WHERE executor = ? AND is_settled = 0 ORDER BY seq',
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
    this.#sql(SQL.insert).run({ ...columns(row), caller: callerId, accepted: row.times.acceptedMs })
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
    const parts = (statuses ?? [undefined]).map((status) => pagePart(executorId, query, status))
    const found = parts.map(({ sql }) => `SELECT seq FROM (${sql})`).join(' UNION ALL ')
    const sql = `SELECT seq, record FROM executions WHERE seq IN (${found}) ORDER BY seq DESC LIMIT ?`
    const rows = this.#sql(sql).all(...parts.flatMap(({ values }) => values), limit + 1)
    const last = rows[limit - 1]
    const page = records(rows.slice(0, limit))
    return rows.length > limit && last !== undefined ? { ...page, cursor: String(last.seq) } : page
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

interface PagePart {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

function pagePart(
  executorId: string,
  { callerId, cursor, limit }: PageQuery,
  status: ExecutionStatus | undefined,
): PagePart {
  const conditions = [
    ['executor = ?', executorId],
    ...(cursor === undefined ? [] : [['seq < ?', Number(cursor)] as const]),
    ...(callerId === undefined ? [] : [['caller = ?', callerId] as const]),
    ...(status === undefined ? [] : [['status = ?', status] as const]),
  ] as const
  // Most are of one executor: its index would only bring them out of order.
  const table = callerId === undefined && status === undefined ? 'executions NOT INDEXED' : 'executions'
  const where = conditions.map(([condition]) => condition).join(' AND ')
  return {
    sql: `SELECT seq FROM ${table} WHERE ${where} ORDER BY seq DESC LIMIT ?`,
    values: [...conditions.map(([, value]) => value), limit + 1],
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
