import { ErrandError } from '../core/errors.ts'
import { Deadline } from '../core/wait.ts'
import type { Operation } from '../http/contract/operation.ts'
import type { WaitQuery } from '../http/contract/requests.ts'
import type { Calls } from './calls.ts'
import { isUnsent } from './connection-error.ts'
import type { PathParams } from './operation-path.ts'
import type { CallOptions } from './options.ts'

export interface WaitOptions extends CallOptions {
  /** Default: without end. */
  readonly timeoutMs?: number
}

interface LongPoll<Value> extends WaitOptions {
  readonly operation: Operation<Value, unknown, WaitQuery, unknown>
  readonly params?: PathParams
  /** What has not happened when time is up. */
  readonly unmet: string
}

/** What the node is asked to wait at a time. */
const POLL_S = 30
/** What it may take beyond that, before it counts as gone. */
const LATE_MS = 15_000
/** Whoever held a question for so long, and then was cut off, was there until then. */
const HELD_MS = 1000
const DONE = 200

/**
 * Asks for something that takes its time until it is done. A node that has answered once is asked on for as long as the
 * signal lets it, whatever becomes of it. @throws deadline_exceeded; what the node refuses it with; signal.reason
 */
export async function longPoll<Value>(calls: Calls, request: LongPoll<Value>): Promise<Value> {
  const { timeoutMs, unmet } = request
  const signal = calls.signalWith(request.signal)
  if (timeoutMs === undefined) return untilDone(calls, request, signal)
  const late = (): ErrandError => new ErrandError('deadline_exceeded', `${unmet} within ${timeoutMs} ms`)
  using deadline = new Deadline(calls.deps.clock, timeoutMs, late, signal)
  return await untilDone(calls, request, deadline.signal)
}

async function untilDone<Value>(calls: Calls, request: LongPoll<Value>, signal: AbortSignal): Promise<Value> {
  const { operation, params = {} } = request
  const patience = calls.patience(request, Infinity)
  const input = { params, query: { timeout: `${POLL_S}s` }, withinMs: POLL_S * 1000 + LATE_MS }
  const { clock } = calls.deps
  for (;;) {
    const sinceMs = clock.monotonicMs()
    try {
      const { status, value } = await calls.once(operation, input, signal)
      if (status === DONE) return value
      patience.renew()
    } catch (error) {
      const heldMs = clock.monotonicMs() - sinceMs
      if (!isUnsent(error) && heldMs >= HELD_MS && heldMs < input.withinMs) patience.startOver()
      await patience.again(error, signal)
    }
  }
}
