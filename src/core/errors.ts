/** Every code Errand answers with. Stable: a code is added, never renamed. Explained for users in `docs/errors.md`. */
export type ErrorCode =
  | 'validation_failed'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'already_exists'
  | 'already_ended'
  | 'key_conflict'
  | 'resources_unsatisfiable'
  | 'resources_exhausted'
  | 'queue_full'
  | 'paused'
  | 'draining'
  | 'storage_full'
  | 'storage_error'
  | 'node_unavailable'
  | 'engine_unavailable'
  | 'runtime_unavailable'
  | 'network_unavailable'
  | 'image_not_found'
  | 'image_auth'
  | 'image_invalid'
  | 'image_pull_timeout'
  | 'registry_unavailable'
  | 'command_not_found'
  | 'not_ready'
  | 'task_exited'
  | 'task_gone'
  | 'crash_loop'
  | 'task_connection_closed'
  | 'bad_task_response'
  | 'response_too_large'
  | 'deadline_exceeded'
  | 'cancelled'
  | 'unsupported'
  | 'internal'

/** The HTTP status that carries a code wherever a status may speak (the MECA face answers 200 and names the code). */
export const HTTP_STATUS: Record<ErrorCode, number> = {
  validation_failed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  already_exists: 409,
  already_ended: 409,
  key_conflict: 409,
  resources_unsatisfiable: 422,
  resources_exhausted: 503,
  queue_full: 429,
  paused: 503,
  draining: 503,
  storage_full: 507,
  storage_error: 503,
  node_unavailable: 503,
  engine_unavailable: 503,
  runtime_unavailable: 422,
  network_unavailable: 503,
  image_not_found: 422,
  image_auth: 422,
  image_invalid: 422,
  image_pull_timeout: 504,
  registry_unavailable: 503,
  command_not_found: 422,
  not_ready: 504,
  task_exited: 502,
  task_gone: 502,
  crash_loop: 503,
  task_connection_closed: 502,
  bad_task_response: 502,
  response_too_large: 502,
  deadline_exceeded: 504,
  cancelled: 499,
  unsupported: 501,
  internal: 500,
}

/** Every code, in the order of their table. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(HTTP_STATUS) as ErrorCode[]

/** Facts about one failure, for programs: JSON values only, never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>

export interface ErrandErrorOptions {
  readonly details?: ErrorDetails
  /** Milliseconds to wait before another attempt. Leave out when another attempt will not help. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** A bad request, a refusal or a fault of ours. A task that fails by itself is a result, not an error. */
export class ErrandError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails
  /** Milliseconds to wait before another attempt; undefined when another attempt will not help. */
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: ErrandErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.details = options.details ?? {}
    this.retryAfterMs = options.retryAfterMs
  }

  /** Gives any thrown value a code: our own errors as they are, everything else as `internal` with its cause kept. */
  static from(thrown: unknown): ErrandError {
    if (thrown instanceof ErrandError) return thrown
    return new ErrandError('internal', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
  }
}
