import { ErrandError } from '../core/errors.ts'
import { storageCodeOf } from '../util/storage-code.ts'

/** What is wrong with a log whose files are there, and are of no use. */
export const UNREADABLE = 'The log cannot be read'

/** Descriptors come back. */
const RETRY_MS = 1000

/** Gives what the file system throws a code: not_found, storage_full or storage_error. */
export async function storing<T>(work: Promise<T>, message = 'The log cannot be stored'): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw logError(error, message)
  }
}

export function logError(cause: unknown, message: string): ErrandError {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT') return new ErrandError('not_found', 'There is no such log', { cause })
  const isPassing = code === 'EMFILE' || code === 'ENFILE'
  return new ErrandError(storageCodeOf(cause), message, { cause, ...(isPassing && { retryAfterMs: RETRY_MS }) })
}
