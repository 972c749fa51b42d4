import { ErrandError } from '../core/errors.ts'

/** Gives what the file system throws a code: not_found, storage_full or storage_error. */
export async function storing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new ErrandError('not_found', 'There is no such log', { cause: error })
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    throw new ErrandError(isFull ? 'storage_full' : 'storage_error', 'The log cannot be stored', { cause: error })
  }
}
