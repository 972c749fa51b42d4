import { type FileHandle, open } from 'node:fs/promises'
import { ErrandError } from '../core/errors.ts'

/** Opens a file of this machine that a command line names. Dispose what it gives. @throws not_found for what cannot be read */
export async function openLocalFile(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ErrandError('not_found', `${path} cannot be read: ${why}`, { cause })
  }
}
