/** Where one run of a task is. One union; `canMove` holds the only legal moves. */
export type ExecutionStatus =
  /** Recorded: it will not be forgotten. */
  | 'accepted'
  /** Waits for resources. */
  | 'queued'
  /** Has its resources; its image is looked up, or fetched. */
  | 'pulling'
  /** Its sandbox is made and started. */
  | 'creating'
  | 'running'
  /** Its processes are frozen. */
  | 'paused'
  /** Its processes have ended; output and results are brought in. */
  | 'finalizing'
  | TerminalStatus

/** The last word; never rewritten. */
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number]

export const TERMINAL_STATUSES = [
  /** Its main process exited with 0, and nobody had told it to end. */
  'succeeded',
  /** It ended in any other way, or could not be run. */
  'failed',
  /** Somebody with the right to do so ended it. */
  'cancelled',
  /** It ran longer than it may. */
  'timed_out',
  /** What became of it cannot be known. */
  'lost',
] as const

/** Why it ended as it did. Absent for success, and for a cancellation. */
export type EndReason = (typeof END_REASONS)[number]

export const END_REASONS = [
  'exit_nonzero',
  'oom',
  'killed',
  'image_not_found',
  'image_auth',
  'image_invalid',
  'image_pull_timeout',
  'registry_unavailable',
  'runtime_unavailable',
  'command_not_found',
  'not_ready',
  'provision_failed',
  'run_timeout',
  'queue_timeout',
  'engine_restart',
  'engine_error',
  'engine_storage_full',
  'host_reboot',
  'container_removed',
  'stopped_externally',
  'runtime_lost',
  'disk_limit',
  'output_limit',
] as const

const NEXT: Record<ExecutionStatus, readonly ExecutionStatus[]> = {
  accepted: ['queued', 'failed', 'cancelled', 'timed_out'],
  queued: ['pulling', 'failed', 'cancelled', 'timed_out'],
  pulling: ['creating', 'failed', 'cancelled', 'timed_out'],
  creating: ['running', 'finalizing', 'failed', 'cancelled', 'timed_out', 'lost'],
  running: ['paused', 'finalizing', 'lost'],
  paused: ['running', 'finalizing', 'lost'],
  finalizing: TERMINAL_STATUSES,
  succeeded: [],
  failed: [],
  cancelled: [],
  timed_out: [],
  lost: [],
}

/** From where one that may be run more than once may go back into the queue, for another attempt. */
const REPEATABLE: ReadonlySet<ExecutionStatus> = new Set(['creating', 'running', 'paused', 'finalizing'])

export function canMove(from: ExecutionStatus, to: ExecutionStatus, isIdempotent = false): boolean {
  return NEXT[from].includes(to) || (isIdempotent && to === 'queued' && REPEATABLE.has(from))
}

/** In the order of a life. */
export const EXECUTION_STATUSES: readonly ExecutionStatus[] = Object.keys(NEXT) as ExecutionStatus[]

export function isExecutionStatus(value: unknown): value is ExecutionStatus {
  return typeof value === 'string' && Object.hasOwn(NEXT, value)
}

export function isTerminal(status: ExecutionStatus): status is TerminalStatus {
  return NEXT[status].length === 0
}

/** The five statuses of the NuNet interface. */
export type NunetStatus = 'pending' | 'running' | 'paused' | 'failed' | 'success'

const NUNET_STATUS: Record<ExecutionStatus, NunetStatus> = {
  accepted: 'pending',
  queued: 'pending',
  pulling: 'pending',
  creating: 'pending',
  running: 'running',
  paused: 'paused',
  finalizing: 'running',
  succeeded: 'success',
  failed: 'failed',
  cancelled: 'failed',
  timed_out: 'failed',
  lost: 'failed',
}

export function nunetStatus(status: ExecutionStatus): NunetStatus {
  return NUNET_STATUS[status]
}
