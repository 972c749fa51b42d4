import type { Readable } from 'node:stream'
import type { AskedInvocation } from './acceptance.ts'
import type { InvocationRecord } from './invocation-record.ts'

/** What may be asked of a node about requests that are answered later. */
export interface LaterApi {
  /**
   * Resolves as soon as the request will not be forgotten. With a key that stands for an invocation of this caller already,
   * that one is the answer.
   * @throws not_found for a task that there is not; key_conflict; queue_full; paused, draining; storage_full, storage_error;
   * validation_failed for a body that is too large, and for a webhook that is none; forbidden for one that is not allowed;
   * what `body` throws
   */
  accept(asked: AskedInvocation, body: AsyncIterable<Uint8Array>): Promise<InvocationRecord>
  /** @throws not_found; storage_error */
  get(id: string): Promise<InvocationRecord>
  /** Of one caller, or of all: the youngest first. @throws validation_failed for a cursor that is none; storage_error */
  page(callerId: string | undefined, limit: number, cursor?: string): Promise<InvocationPage>
  /** Whether it ends within that time, or has already. @throws not_found; signal.reason */
  untilEnded(id: string, timeoutMs: number, signal: AbortSignal): Promise<boolean>
  /** Resolves when no task has any of them, and what came of those that one had is kept. @throws signal.reason */
  untilNoneUnderWay(signal: AbortSignal): Promise<void>
  /** @throws not_found, also for one that has ended without an answer; not_ready before it has ended; storage_error */
  openAnswer(id: string): Promise<KeptAnswer>
  /** Forgets it; a request under way is broken off first. @throws not_found; storage_error, and then it is still there */
  remove(id: string): Promise<void>
}

export interface InvocationPage {
  readonly records: readonly InvocationRecord[]
  /** Undefined on the last one. */
  readonly cursor: string | undefined
}

/** What a task has answered. */
export interface KeptAnswer {
  readonly status: number
  readonly bytes: number
  readonly instanceId: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** To be read or destroyed. */
  readonly body: Readable
}
