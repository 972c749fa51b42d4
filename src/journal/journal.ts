/** What a journal asks of the records it keeps: plain values that JSON can carry. */
export interface JournalRecord {
  readonly executionId: string
  readonly executorId: string
}

/**
 * Where executions are remembered. A promise that has resolved is kept, whatever happens to this process afterwards (as
 * far as the journal can promise that: see each one). Records are values: what was handed in or out is never changed.
 */
export interface Journal<R extends JournalRecord> extends AsyncDisposable {
  /** @throws already_exists when the executor has that id, also when two race; storage_full, storage_error */
  insert(record: R): Promise<void>
  /** Replaces a record. The caller sees to it that there is one writer per id. @throws not_found; storage_full, storage_error */
  save(record: R): Promise<void>
  find(executorId: string, executionId: string): Promise<R | undefined>
  /** Of one executor, in the order of insertion. */
  list(executorId: string): Promise<R[]>
  /** Idempotent. */
  remove(executorId: string, executionId: string): Promise<void>
}
