import type { LogLine } from '../http/contract/log-line.ts'
import { readExecutionLogs } from '../http/contract/operations/executions.ts'
import type { Calls } from './calls.ts'
import { follow } from './feed.ts'
import type { QueryParams } from './operation-path.ts'
import type { CallOptions } from './options.ts'

export interface LogOptions extends CallOptions {
  /** Goes on until the execution has ended. Default: false. */
  readonly follow?: boolean
  /** The last so many lines of what there is; 0 for none of it. */
  readonly tail?: number
  /** What came after this `seq`, or at this time and later. */
  readonly since?: number | Date
  /** One of them alone. */
  readonly stream?: 'stdout' | 'stderr'
}

export async function* readLogs(
  calls: Calls,
  id: string,
  options: LogOptions,
): AsyncGenerator<LogLine, void, undefined> {
  const query = (beganAt: Date | undefined): QueryParams => rangeOf(options, beganAt)
  for await (const { data } of follow(calls, { ...options, operation: readExecutionLogs, params: { id }, query })) {
    yield JSON.parse(data) as LogLine
  }
}

function rangeOf({ follow, tail, since, stream }: LogOptions, beganAt: Date | undefined): QueryParams {
  // What was printed while the connection was lost is new to somebody who wanted nothing but what is new.
  const isFromThenOn = tail === 0 && beganAt !== undefined && since === undefined
  const from = isFromThenOn ? { since: textOf(beganAt) } : { tail, since: textOf(since) }
  return { follow: follow === true, stream, ...from }
}

function textOf(since: number | Date | undefined): string | undefined {
  return since instanceof Date ? since.toISOString() : since?.toString()
}
