import type { Caller } from '../core/caller.ts'
import type { ExecutionRequest } from '../core/execution-request.ts'
import type { IdempotencyKey, JournalEvent, Page, PageQuery } from '../journal/journal.ts'
import type { InsideCommand, InsideOutcome } from './executions/command-inside.ts'
import type { ResultReader } from './executions/result-reader.ts'
import type { CancelOptions, ExecutionRecord, Executor } from './executor.ts'

/** What a node's faces need of executions beyond the interface for embedders: callers, keys, pages and events. */
export interface ExecutionsApi extends Executor {
  /**
   * Takes a request: resolves as soon as it will not be forgotten, long before it runs. With a key that stands for an
   * execution of this caller already, that one is the answer.
   * @throws what `start` throws before there is a record; key_conflict; paused, draining; storage_full
   */
  submit(request: ExecutionRequest, options?: SubmitOptions): Promise<Submitted>
  /**
   * As `cancel`, but resolves as soon as it will not be forgotten that it is to end, however long it takes to.
   * @throws already_ended; draining when the node stops before that
   */
  requestCancel(executionId: string, options?: CancelOptions): Promise<void>
  /**
   * Takes the files that a request calls `upload`: a tar archive that has each of them, and nothing else, at its top.
   * Resolves when they will not be lost; another may take their place until the execution starts.
   * @throws not_found; already_ended; already_exists once it has started; validation_failed for what is no such archive,
   * too large, or asked for by nobody; storage_full; storage_error; what `tar` rejects with
   */
  putInputs(executionId: string, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>
  /**
   * Opens what an execution has left: an output by its name, something in it, or, with an empty path, all outputs.
   * @throws not_found; not_ready before it has ended; storage_error
   */
  openResult(executionId: string, path: readonly string[]): Promise<ResultReader>
  /**
   * Runs a command inside, as argv: no shell. Beyond 1 MiB of each stream it is read and not kept.
   * @throws as `exec`, but never response_too_large; forbidden for a user that the profile does not allow;
   * deadline_exceeded
   */
  command(executionId: string, command: InsideCommand, signal: AbortSignal): Promise<InsideOutcome>
  /** The youngest first. @throws validation_failed for a cursor that is none */
  page(query: PageQuery): Promise<Page<ExecutionRecord>>
  /** Those that have not ended: how many wait for room, and how many go on. */
  counts(): ExecutionCounts
  /** Resolves when none goes on or waits. @throws signal.reason */
  untilNone(signal: AbortSignal): Promise<void>
  /** The same for those that go on: what waits may wait. Nothing new may go on meanwhile. */
  untilNoneRuns(signal: AbortSignal): Promise<void>
  /** Kept events after `seq`, the oldest first. */
  events(seq: number, limit: number): Promise<JournalEvent[]>
  /** Calls `listener`, which must not throw, at every new event. Disposing ends it. */
  onEvent(listener: (event: JournalEvent) => void): Disposable
}

export interface ExecutionCounts {
  readonly waiting: number
  readonly running: number
}

export interface SubmitOptions {
  readonly caller?: Caller
  readonly key?: IdempotencyKey
  readonly signal?: AbortSignal
  /** What it belongs to, as W3C Trace Context has it. */
  readonly traceparent?: string
}

export interface Submitted {
  readonly record: ExecutionRecord
  /** False for one that the key stood for already. */
  readonly isNew: boolean
}
