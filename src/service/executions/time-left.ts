import type { Clock } from '../../core/clock.ts'
import type { SandboxExit } from '../../engine/engine.ts'
import type { ExecutionRecord } from '../executor.ts'

interface TimeWaited {
  readonly queueTimeoutMs: number
  readonly record: Pick<ExecutionRecord, 'times'>
  readonly clock: Pick<Clock, 'wallMs'>
}

/**
 * How much longer an execution may wait for its inputs and for resources, at most `queueTimeoutMs` whatever a clock says,
 * in whichever process it began to. What it did after it had waited does not count.
 */
export function queueTimeLeft({ queueTimeoutMs, record: { times }, clock }: TimeWaited): number {
  const { acceptedMs, queuedMs = acceptedMs, pullingMs = clock.wallMs() } = times
  return Math.min(queueTimeoutMs, Math.max(0, queueTimeoutMs - (pullingMs - queuedMs)))
}

interface TimeSpent {
  readonly timeoutMs: number
  readonly record: Pick<ExecutionRecord, 'times' | 'host'>
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
  /** Of one that has ended already. */
  readonly exit: SandboxExit | undefined
}

/**
 * How much longer an execution may run, at most `timeoutMs` whatever a clock says, in whichever process of this boot it
 * began to. What has ended in time has all the time in the world, however late that is found.
 */
export function timeLeft({ timeoutMs, record: { times, host }, clock, exit }: TimeSpent): number {
  const { runningMs = clock.wallMs() } = times
  // Wall time may have been set since; it is all that there is for records of an earlier version, and for ends.
  const ranMs =
    host?.runningMonotonicMs === undefined ? clock.wallMs() - runningMs : clock.monotonicMs() - host.runningMonotonicMs
  const endedAfterMs = exit === undefined ? Infinity : (exit.finishedMs ?? runningMs) - runningMs
  if (exit !== undefined && Math.min(ranMs, endedAfterMs) <= timeoutMs) return Infinity
  return Math.min(timeoutMs, Math.max(0, timeoutMs - ranMs))
}
