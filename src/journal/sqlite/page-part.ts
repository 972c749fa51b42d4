import type { ExecutionStatus } from '../../core/execution.ts'
import type { PageQuery } from '../journal.ts'

interface PagePart {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

type Condition = readonly [sql: string, ...values: readonly (string | number)[]]

/**
 * Asks for the sequence numbers of one page, of one status or of any, the youngest first. Each is read from one index in
 * that order, so that it ends as soon as the page is full: of the first of `labels`, or of the executions themselves.
 */
export function pagePart(
  executorId: string,
  query: PageQuery,
  status: ExecutionStatus | undefined,
  [first, ...others]: readonly (readonly [key: string, value: string])[],
): PagePart {
  const from = first === undefined ? 'e' : 'l'
  const conditions: readonly Condition[] = [
    [`${from}.executor = ?`, executorId],
    ...(first === undefined ? [] : [['l.key = ? AND l.value = ?', ...first] as const]),
    ...others.map(([key, value]): Condition => [HAS_LABEL, executorId, key, value]),
    ...given('e.status = ?', status),
    ...given('e.job = ?', query.jobId),
    ...given(`${from}.caller = ?`, query.callerId),
    ...given(`${from}.accepted_ms >= ?`, query.sinceMs),
    ...given(`${from}.accepted_ms < ?`, query.untilMs),
    ...given(`${from}.seq < ?`, query.cursor === undefined ? undefined : Number(query.cursor)),
  ]
  const table = first === undefined ? tableOf(query, status) : labelled(query, status)
  const where = conditions.map(([sql]) => sql).join(' AND ')
  return {
    sql: `SELECT ${from}.seq FROM ${table} WHERE ${where} ORDER BY ${from}.seq DESC LIMIT ?`,
    values: [...conditions.flatMap(([, ...values]) => values), query.limit + 1],
  }
}

const HAS_LABEL =
  'EXISTS (SELECT 1 FROM labels AS o WHERE o.executor = ? AND o.key = ? AND o.value = ? AND o.seq = l.seq)'

function given(sql: string, value: string | number | undefined): Condition[] {
  return value === undefined ? [] : [[sql, value]]
}

/** From those that have it to what they are, and not the other way round. */
function labelled({ jobId }: PageQuery, status: string | undefined): string {
  const isAlone = jobId === undefined && status === undefined
  return isAlone ? 'labels AS l' : 'labels AS l CROSS JOIN executions AS e ON e.seq = l.seq'
}

/** Most are of one executor: an index by that alone would only bring them out of order, unless it tells times, too. */
function tableOf({ callerId, jobId, sinceMs, untilMs }: PageQuery, status: string | undefined): string {
  if (jobId !== undefined) return 'executions AS e INDEXED BY by_job'
  if (callerId !== undefined && status !== undefined) return 'executions AS e INDEXED BY by_caller_and_status'
  if (callerId !== undefined || status !== undefined) return 'executions AS e'
  const isTimed = sinceMs !== undefined || untilMs !== undefined
  return isTimed ? 'executions AS e INDEXED BY by_time' : 'executions AS e NOT INDEXED'
}
