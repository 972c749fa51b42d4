import type { ErrorCode } from '../core/errors.ts'

/** What a command ends with when it is no workload's own status; from 64 to 78 the numbers of sysexits.h. */
export const EXIT = {
  ok: 0,
  /** What was asked for was done, and what was looked at is not as it should be. */
  problem: 1,
  /** A task answered, with an error status of its own; as `curl --fail` says it. */
  taskError: 22,
  usage: 64,
  dataError: 65,
  noInput: 66,
  unavailable: 69,
  internal: 70,
  cannotCreate: 73,
  ioError: 74,
  tempFail: 75,
  protocol: 76,
  noPermission: 77,
  config: 78,
  /** By Ctrl-C, as shells say it: 128 + SIGINT. */
  interrupted: 130,
} as const

/**
 * What a command ends with by the code of its error, whether it comes from the daemon or from here. 75 says that the same
 * command may do later. Explained for users in `docs/guide/command-line.md`.
 */
export const EXIT_STATUS: Record<ErrorCode, number> = {
  validation_failed: EXIT.dataError,
  unauthenticated: EXIT.noPermission,
  forbidden: EXIT.noPermission,
  not_found: EXIT.noInput,
  already_exists: EXIT.cannotCreate,
  already_ended: EXIT.dataError,
  key_conflict: EXIT.dataError,
  resources_unsatisfiable: EXIT.dataError,
  resources_exhausted: EXIT.tempFail,
  queue_full: EXIT.tempFail,
  paused: EXIT.tempFail,
  draining: EXIT.tempFail,
  storage_full: EXIT.ioError,
  storage_error: EXIT.ioError,
  node_unavailable: EXIT.unavailable,
  engine_unavailable: EXIT.unavailable,
  runtime_unavailable: EXIT.unavailable,
  network_unavailable: EXIT.unavailable,
  image_not_found: EXIT.noInput,
  image_auth: EXIT.noPermission,
  image_invalid: EXIT.dataError,
  image_pull_timeout: EXIT.tempFail,
  registry_unavailable: EXIT.tempFail,
  command_not_found: EXIT.noInput,
  not_ready: EXIT.unavailable,
  task_exited: EXIT.unavailable,
  task_gone: EXIT.unavailable,
  crash_loop: EXIT.tempFail,
  task_connection_closed: EXIT.protocol,
  bad_task_response: EXIT.protocol,
  response_too_large: EXIT.protocol,
  deadline_exceeded: EXIT.tempFail,
  cancelled: EXIT.interrupted,
  unsupported: EXIT.unavailable,
  internal: EXIT.internal,
}

/** Where a daemon that cannot go on ends otherwise: what it was told to do is its configuration, for a service manager. */
export const SERVE_STATUS: Partial<Record<ErrorCode, number>> = {
  validation_failed: EXIT.config,
  resources_unsatisfiable: EXIT.config,
  already_exists: EXIT.unavailable,
}
