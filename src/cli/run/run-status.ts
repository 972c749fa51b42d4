import type { ExecutionView } from '../../client/client.ts'
import type { EndReason } from '../../core/execution.ts'

/** What `errand run` and `errand wait` end with where it is not the workload's own exit code. */
export const RUN_EXIT = {
  ok: 0,
  timedOut: 124,
  /** It could not be run, for a reason that is not its command's. */
  failed: 125,
  notExecutable: 126,
  notFound: 127,
  cancelled: 130,
  outOfMemory: 137,
  lost: 75,
} as const

/** By the record of an execution that has ended. */
export function runStatus({ status, reason, exitCode = -1 }: ExecutionView): number {
  if (status === 'succeeded') return RUN_EXIT.ok
  if (status === 'cancelled') return RUN_EXIT.cancelled
  if (status === 'timed_out') return RUN_EXIT.timedOut
  if (status === 'lost') return RUN_EXIT.lost
  if (reason === 'oom') return RUN_EXIT.outOfMemory
  if (reason === 'command_not_found')
    return exitCode === RUN_EXIT.notExecutable ? RUN_EXIT.notExecutable : RUN_EXIT.notFound
  return isOwnEnd(reason) && exitCode > 0 ? exitCode : RUN_EXIT.failed
}

/** Whether its own process chose how it ended. */
function isOwnEnd(reason: EndReason | undefined): boolean {
  return reason === 'exit_nonzero' || reason === 'killed' || reason === 'stopped_externally'
}
