import type { SandboxListing } from '../engine/engine.ts'
import type { Lease } from '../resources/ledger.ts'
import type { WarmRecord } from './identity.ts'

/** A warm instance that an earlier process made. Is adopted or discarded; holds its lease until it is gone, either way. */
export interface LeftInstance {
  /** Under which the engine knows it. */
  readonly name: string
  readonly listing: SandboxListing
  /** What its labels say. */
  readonly record: WarmRecord
  readonly lease: Lease
}
