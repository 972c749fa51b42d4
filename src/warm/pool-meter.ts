import type { ErrorCode } from '../core/errors.ts'
import type { StartPhases } from '../instance/start-phases.ts'

/** Why an instance is removed. */
export type RemovalReason =
  | 'keep_alive'
  /** Something else needed its room. */
  | 'room'
  /** It failed too often, or answered nothing any more. */
  | 'faults'
  | 'image_replaced'
  /** Its named task is another one now, or none. */
  | 'redefined'
  /** By an operator, or its caller. */
  | 'asked'
  /** The node was paused or stopped. */
  | 'cleared'

/** Told of the comings and goings of warm instances. Must not throw. */
export interface PoolMeter {
  /** A start has come to a ready instance. */
  started(phases: StartPhases): void
  startFailed(code: ErrorCode): void
  /** `died`: by itself, nobody had told it to. */
  left(reason: RemovalReason | 'died'): void
  /** A request has got an instance that was not there when it came. */
  waited(ms: number): void
}

/** How many instances there are, the ones that are going away left out. */
export interface PoolCensus {
  readonly starting: number
  readonly idle: number
  readonly busy: number
}
