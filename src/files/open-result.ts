import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { ErrandError } from '../core/errors.ts'
import { isPlainName } from './clean-path.ts'
import { OpenPath, openPath, systemCode } from './open-path.ts'

/** What a reader is given at once. */
const PIECE_BYTES = 256 * 1024

/**
 * Holds a file or folder below a results folder, one part of its path after the other and without following a link.
 * @throws not_found for what is not there, or is neither file nor folder, or could be no name of a result
 */
export async function openResult(folder: string, parts: readonly string[]): Promise<OpenPath> {
  if (!parts.every(isPlainName)) throw missing(parts)
  try {
    let here = await openPath(folder)
    for (const [index, part] of parts.entries()) {
      using above = here
      here = await OpenPath.open(`${above.path}/${part}`, index < parts.length - 1)
    }
    if (here.isFile || here.isFolder) return here
    here[Symbol.dispose]()
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) throw error
  }
  throw missing(parts)
}

/** Opens the very file that is held. Rejects with the system's error. */
export async function openHeldFile(held: OpenPath): Promise<FileHandle> {
  return open(held.path, constants.O_RDONLY)
}

/** The bytes from `start` on, `bytes` of them. @throws storage_error for a file that has become shorter */
export async function* readFileRange(file: FileHandle, start: number, bytes: number): AsyncGenerator<Buffer, void> {
  for (let at = start; at < start + bytes; ) {
    // Each its own: what was handed out is on its way to a reader.
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, start + bytes - at))
    const { bytesRead } = await file.read(piece, 0, piece.length, at)
    if (bytesRead === 0) throw new ErrandError('storage_error', 'a result has become shorter while it was read')
    yield piece.subarray(0, bytesRead)
    at += bytesRead
  }
}

function missing(parts: readonly string[]): ErrandError {
  return new ErrandError('not_found', `there is no result ${JSON.stringify(parts.join('/')).slice(0, 200)}`)
}
