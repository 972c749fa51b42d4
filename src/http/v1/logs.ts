import type { IncomingMessage } from 'node:http'
import { ErrandError } from '../../core/errors.ts'
import type { LogRange } from '../../logs/log-entry.ts'
import { readExecutionLogs } from '../contract/operations/executions.ts'
import type { LogsQuery } from '../contract/requests.ts'
import { formatFor } from './log-format.ts'
import { openLog } from './open-log.ts'
import { ownRecord } from './ownership.ts'
import { type Route, route } from './route.ts'
import { eventText, StreamAnswer } from './stream-answer.ts'

/** `GET /v1/executions/{id}/logs`: output as lines of JSON, events or bytes, at the pace of its reader. */
export const LOGS_ROUTE: Route = route(
  readExecutionLogs,
  async ({ request, response, principal, id, query, signal }, { executions, clock, streams }) => {
    await ownRecord(executions, principal, id)
    const range = rangeOf(query, lastEventId(request))
    const format = formatFor(request.headers.accept)
    using _slot = streams.take(principal.caller.id)
    // What cannot be read is refused, which nothing can be once the head is on its way.
    using log = await openLog(executions, { executionId: id, signal, ...range })
    using answer = new StreamAnswer(response, clock, signal)
    if (format.isEvents) answer.beginEvents()
    else answer.begin(format.contentType)
    if (answer.isOver) return undefined
    for await (const entry of log.entries) {
      await answer.write(format.write(entry))
    }
    // Without it a browser would come again, and for ever.
    if (format.isEvents) await answer.write(eventText('end', {}))
    answer.end()
    return undefined
  },
)

/** Where a reader of events was; undefined for one that comes for the first time. @throws validation_failed */
export function lastEventId({ headers }: IncomingMessage): number | undefined {
  const text = headers['last-event-id']
  if (text === undefined || text === '') return undefined
  if (typeof text === 'string' && /^[0-9]{1,15}$/.test(text)) return Number(text)
  throw new ErrandError('validation_failed', 'Last-Event-ID: is none that was handed out')
}

/** Who comes again wants what came since, whatever was asked for at first. */
function rangeOf({ tail, sinceSeq, sinceMs, ...rest }: LogsQuery, lastSeq: number | undefined): LogRange {
  if (lastSeq !== undefined) return { ...rest, sinceSeq: lastSeq }
  return {
    ...rest,
    ...(tail !== undefined && { tail }),
    ...(sinceSeq !== undefined && { sinceSeq }),
    ...(sinceMs !== undefined && { sinceMs }),
  }
}
