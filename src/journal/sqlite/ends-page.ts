import type { StatementSync } from 'node:sqlite'
import type { JournalEnd } from '../journal.ts'
import type { Operation, Reply } from './messages.ts'

const of = (path: string): string => `json_extract(record, '$.${path}')`

/** One that was damaged since is left out: when it may go cannot be known. */
export const ENDS_SQL: string = `SELECT seq, id, ${of('times.endedMs')} AS endedMs,
    coalesce(${of('terms.retentionMs')}, ${of('request.retentionMs')}) AS retentionMs,
    ${of('request.persistLogsMs')} AS persistLogsMs,
    ${of('request.webhook')} IS NOT NULL AND ${of('webhook')} IS NULL AS isUntold
  FROM executions INDEXED BY by_time
  WHERE executor = :executor AND seq > :after AND is_settled = 1 AND json_valid(record)
  ORDER BY seq LIMIT :limit`

/** Reads no record as a whole: there may be very many. */
export function endsPage(
  statement: StatementSync,
  { executorId, after, limit }: Extract<Operation, { kind: 'ends' }>,
): Reply {
  const rows = statement.all({ executor: executorId, after, limit })
  const last = rows.at(-1)
  const ends = rows.map(toEnd)
  return rows.length < limit || last === undefined
    ? { kind: 'ends', ends }
    : { kind: 'ends', ends, cursor: String(last.seq) }
}

function toEnd(row: Record<string, unknown>): JournalEnd {
  const { id, endedMs, retentionMs, persistLogsMs, isUntold } = row
  return {
    executionId: String(id),
    ...(endedMs !== null && { endedMs: Number(endedMs) }),
    ...(retentionMs !== null && { retentionMs: Number(retentionMs) }),
    ...(persistLogsMs !== null && { persistLogsMs: Number(persistLogsMs) }),
    isUntold: isUntold === 1,
  }
}
