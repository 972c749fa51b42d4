import type { InvocationStatus } from './invocation-record.ts'

/** Told what becomes of requests for later. Nothing of it may throw. */
export interface LaterMeter {
  /** A task is about to get it. @param waitedMs since its acceptance; undefined when it was begun before */
  begun(waitedMs: number | undefined): void
  /** @param ms since its acceptance, by the wall clock: it may have been accepted by an earlier daemon */
  ended(status: InvocationStatus, ms: number): void
}
