import type { ContextFlags } from '../context/resolve-context.ts'
import type { ListingFlags } from '../listing.ts'

// What the commands on executions are told. Everything as it was written.

export interface OneFlags extends ContextFlags {
  readonly json?: boolean
}

export interface ListFlags extends ContextFlags, ListingFlags {
  readonly all?: boolean
  readonly status?: readonly string[]
  readonly filter?: readonly string[]
}

export interface LogFlags extends OneFlags {
  readonly follow?: boolean
  readonly tail?: string
  readonly since?: string
  readonly stream?: 'stdout' | 'stderr'
  readonly timestamps?: boolean
  readonly raw?: boolean
}

export interface OutputFlags extends OneFlags {
  /** A folder, a file, or `-`. */
  readonly output?: string
  readonly raw?: boolean
}

export interface CancelFlags extends OneFlags {
  readonly grace?: string
  /** False for `--no-wait`. */
  readonly wait?: boolean
}

export interface RemoveFlags extends OneFlags {
  readonly force?: boolean
}
