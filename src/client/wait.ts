import { ErrandError } from '../core/errors.ts'
import { Deadline } from '../core/wait.ts'
import type { ExecutionView } from '../http/contract/execution-view.ts'
import { waitForExecution } from '../http/contract/operations/executions.ts'
import type { Calls } from './calls.ts'
import type { CallOptions } from './options.ts'

export interface WaitOptions extends CallOptions {
  /** Default: without end. */
  readonly timeoutMs?: number
}

/** What the node is asked to wait at a time. */
const POLL_S = 30
/** What it may take beyond that, before it counts as gone. */
const LATE_MS = 15_000
const ENDED = 200

/** The record of an execution once it has ended. @throws deadline_exceeded, not_found; signal.reason */
export async function untilEnded(calls: Calls, id: string, options: WaitOptions): Promise<ExecutionView> {
  const { timeoutMs, signal } = options
  if (timeoutMs === undefined) return poll(calls, id, options)
  const late = (): ErrandError =>
    new ErrandError('deadline_exceeded', `execution ${id} has not ended within ${timeoutMs} ms`)
  using deadline = new Deadline(calls.deps.clock, timeoutMs, late, calls.signalWith(signal))
  return await poll(calls, id, { ...options, signal: deadline.signal })
}

async function poll(calls: Calls, id: string, options: CallOptions): Promise<ExecutionView> {
  const signal = calls.signalWith(options.signal)
  const patience = calls.patience(options, Infinity)
  const input = { params: { id }, query: { timeout: `${POLL_S}s` }, withinMs: POLL_S * 1000 + LATE_MS }
  for (;;) {
    try {
      const { status, value } = await calls.once(waitForExecution, input, signal)
      if (status === ENDED) return value
      patience.renew()
    } catch (error) {
      await patience.again(error, signal)
    }
  }
}
