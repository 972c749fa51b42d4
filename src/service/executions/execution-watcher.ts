import type { ExecutionRecord } from '../executor.ts'

/** Told what becomes of executions, after it was recorded. Must not throw. */
export interface ExecutionWatcher {
  /** It lives in this process from now on: newly accepted, or taken up from an earlier one. */
  began?(record: ExecutionRecord): void
  /** Into another status, or back into the queue for another attempt. */
  moved(record: ExecutionRecord, before: ExecutionRecord): void
}
