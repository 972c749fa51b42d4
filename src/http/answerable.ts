import { ErrandError } from '../core/errors.ts'

const MEMORY_RETRY_MS = 1000

/** The text of an error that is not ours may say anything, so it goes to the log alone. */
export function toAnswerable(thrown: unknown): ErrandError {
  if (thrown instanceof ErrandError) return thrown
  return new ErrandError('internal', 'internal error: see the log of the node', { cause: thrown })
}

export function noMemory(): ErrandError {
  return new ErrandError('queue_full', 'the requests under way hold as much memory as they may', {
    retryAfterMs: MEMORY_RETRY_MS,
  })
}
