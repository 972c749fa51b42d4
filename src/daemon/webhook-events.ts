import { toTime, viewExecution, viewInvocation } from '../http/v1/views.ts'
import type { ExecutionRecord } from '../service/executor.ts'
import type { InvocationRecord } from '../service/invocations/invocation-record.ts'

/** What a receiver is told of an execution that has ended: its record, as /v1 has it. */
export function executionEvent(record: ExecutionRecord): object {
  const { status, times } = record
  return {
    type: `execution.${status}`,
    timestamp: toTime(times.endedMs ?? times.acceptedMs),
    data: viewExecution(record),
  }
}

/** The same of a request that was to be answered later. */
export function invocationEvent(record: InvocationRecord): object {
  const { status, endedMs, acceptedMs } = record
  return { type: `invocation.${status}`, timestamp: toTime(endedMs ?? acceptedMs), data: viewInvocation(record) }
}
