import type { EndReason, ExecutionStatus } from '../core/execution.ts'

/** What a journal asks of the records it keeps: plain values that JSON can carry. */
export interface JournalRecord {
  readonly executionId: string
  readonly executorId: string
  readonly callerId: string
  readonly status: ExecutionStatus
  readonly reason?: EndReason
  readonly times: { readonly acceptedMs: number; readonly endedMs?: number }
  readonly jobId?: string
  /** Of the node when it was accepted. Absent where that is not known. */
  readonly configVersion?: number
  /** What was asked for, of which labels can be looked for. */
  readonly request?: {
    readonly labels?: Readonly<Record<string, string>>
    readonly retentionMs?: number
    readonly persistLogsMs?: number
    readonly webhook?: object
  }
  readonly terms?: { readonly retentionMs: number } | undefined
  /** Absent until what `request.webhook` asks for is done. */
  readonly webhook?: object
}

/** Of a record that has come to its last word, as much as is needed to know when it may go. */
export interface JournalEnd {
  readonly executionId: string
  /** Absent in records of an end that nobody saw. */
  readonly endedMs?: number
  /** What its terms say, else its request. */
  readonly retentionMs?: number
  readonly persistLogsMs?: number
  /** It asks for a webhook, and nothing is known of what became of that. */
  readonly isUntold: boolean
}

export interface EndsPage {
  readonly ends: readonly JournalEnd[]
  /** For the next page; undefined on the last one. */
  readonly cursor: string | undefined
}

/** Makes a request that is sent again mean the same execution. */
export interface IdempotencyKey {
  /** Unique among the requests of one caller. */
  readonly key: string
  /** Of what was asked: the same key for something else is refused. */
  readonly digest: string
}

/** Events that a journal keeps at the least; who comes later has missed some. */
export const MOST_EVENTS = 10_000

/** One change of a record's status, in the order in which they were kept. */
export interface JournalEvent {
  /** Grows by at least one from event to event. */
  readonly seq: number
  /** Wall time, milliseconds since the Unix epoch. */
  readonly atMs: number
  readonly executionId: string
  readonly callerId: string
  readonly status: ExecutionStatus
  readonly reason?: EndReason
}

export interface PageQuery {
  /** Only of this caller. */
  readonly callerId?: string
  readonly statuses?: readonly ExecutionStatus[]
  readonly jobId?: string
  /** Only with all of these. */
  readonly labels?: Readonly<Record<string, string>>
  /** Only those accepted then or later, and before that; milliseconds since the Unix epoch. */
  readonly sinceMs?: number
  readonly untilMs?: number
  /** As a page before has told it: goes on after that. */
  readonly cursor?: string
  /** 1 to 1,000. */
  readonly limit: number
}

export interface Page<R> {
  /** The youngest first. */
  readonly records: readonly R[]
  /** For the next page; undefined on the last one. */
  readonly cursor: string | undefined
}

/**
 * Where executions are remembered. A promise that has resolved is kept, whatever happens to this process afterwards (as
 * far as the journal can promise that: see each one). Records are values: what was handed in or out is never changed.
 * Every method may reject with `storage_full` or `storage_error`, and then nothing has changed.
 */
export interface Journal<R extends JournalRecord> extends AsyncDisposable {
  /**
   * Keeps a new record, with its first event. With a `key` that stands for an execution of this caller already: that
   * one's record, and nothing is kept.
   * @throws already_exists when the executor has that id, also when two race; key_conflict
   */
  insert(record: R, key?: IdempotencyKey): Promise<R | undefined>
  /**
   * Replaces a record; a new status is an event, kept together with it. The caller sees to it that there is one writer
   * per id.
   * @throws not_found
   */
  save(record: R): Promise<void>
  find(executorId: string, executionId: string): Promise<R | undefined>
  /** What a caller's key stands for. @throws key_conflict when it stands for another request */
  findByKey(executorId: string, callerId: string, key: IdempotencyKey): Promise<R | undefined>
  /** All that have not come to their last word, in the order of insertion. */
  unsettled(executorId: string): Promise<R[]>
  page(executorId: string, query: PageQuery): Promise<Page<R>>
  /** Those that have come to their last word, `limit` of them at most, in the order of insertion; after `cursor`. */
  ends(executorId: string, limit: number, cursor?: string): Promise<EndsPage>
  /** Forgets a record and its key. Idempotent. */
  remove(executorId: string, executionId: string): Promise<void>
  /** At most `limit` events after `seq`, the oldest first. Old ones may be forgotten. */
  events(executorId: string, seq: number, limit: number): Promise<JournalEvent[]>
  /** Calls `listener`, which must not throw, after each event that was kept. Disposing ends it. */
  onEvent(listener: (event: JournalEvent) => void): Disposable
}
