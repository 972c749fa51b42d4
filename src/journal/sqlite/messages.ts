import type { ConfigVersion, KeptConfig, NewConfig } from '../config-journal.ts'
import type { IdempotencyKey, JournalEnd, JournalEvent, JournalRecord, PageQuery } from '../journal.ts'

/** What is asked of the thread that has the database. Records travel as the JSON that is kept. */
export type Operation =
  | { readonly kind: 'insert'; readonly row: Row; readonly key: IdempotencyKey | undefined }
  | { readonly kind: 'save'; readonly row: Row }
  | { readonly kind: 'find'; readonly executorId: string; readonly executionId: string }
  | { readonly kind: 'findByKey'; readonly executorId: string; readonly callerId: string; readonly key: IdempotencyKey }
  | { readonly kind: 'unsettled'; readonly executorId: string }
  | { readonly kind: 'page'; readonly executorId: string; readonly query: PageQuery }
  | { readonly kind: 'remove'; readonly executorId: string; readonly executionId: string }
  | { readonly kind: 'events'; readonly executorId: string; readonly seq: number; readonly limit: number }
  | { readonly kind: 'ends'; readonly executorId: string; readonly limit: number; readonly after: number }
  | { readonly kind: 'adopt'; readonly executorId: string }
  | { readonly kind: 'keepConfig'; readonly config: NewConfig }
  | { readonly kind: 'findConfig'; readonly version: number }

/** The columns of a record that is asked for by more than its id, and the record itself. */
export interface Row extends JournalRecord {
  readonly atMs: number
  readonly json: string
}

export type Refusal = 'already_exists' | 'not_found' | 'key_conflict' | 'storage_full' | 'storage_error'

export type Reply =
  | { readonly kind: 'done'; readonly event?: JournalEvent }
  | { readonly kind: 'records'; readonly records: readonly string[]; readonly cursor?: string }
  | { readonly kind: 'events'; readonly events: readonly JournalEvent[] }
  | { readonly kind: 'ends'; readonly ends: readonly JournalEnd[]; readonly cursor?: string }
  | { readonly kind: 'adopted'; readonly executorId: string }
  | { readonly kind: 'keptConfig'; readonly kept: ConfigVersion }
  | { readonly kind: 'foundConfig'; readonly found: KeptConfig | undefined }
  | { readonly kind: 'refused'; readonly code: Refusal; readonly message: string }

/** Operations for one commit, answered by as many replies in their order; or the end. */
export type Question = readonly Operation[] | 'close'

/** What the thread is started with. */
export interface DatabaseOptions {
  readonly path: string
  readonly reserveBytes: number
  /** Of a `Heartbeat`: the thread watches over the main thread, since a thread of its own would take megabytes. */
  readonly heartbeat?: SharedArrayBuffer | undefined
}
