import { ErrandError } from '../core/errors.ts'
import { storageCodeOf } from '../util/storage-code.ts'

/** What is wrong with a log whose files are there, and are of no use. */
export const UNREADABLE = 'The log cannot be read'

/** Gives what the file system throws a code: not_found, storage_full or storage_error. */
export async function storing<T>(work: Promise<T>, message = 'The log cannot be stored'): Promise<T> {
  try {
    return await work
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new ErrandError('not_found', 'There is no such log', { cause: error })
    throw new ErrandError(storageCodeOf(error), message, { cause: error })
  }
}
