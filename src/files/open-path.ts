import { closeSync, constants, fstat, open } from 'node:fs'
import { promisify } from 'node:util'
import { ErrandError } from '../core/errors.ts'
import { partsOf } from './clean-path.ts'

/** Linux' O_PATH: names a file without opening it. Node has no constant for it. */
const O_PATH = 0x200000
const ANY = O_PATH | constants.O_NOFOLLOW
const FOLDER = ANY | constants.O_DIRECTORY

const openDescriptor = promisify(open)
const statDescriptor = promisify(fstat)

/** What one file or folder is, by whatever path it was reached: `DEVICE:INODE`. */
export type FileKey = string

/** A file or folder of this host, held: whatever becomes of its path, `path` leads to it. Disposing lets go. */
export class OpenPath implements Disposable {
  readonly isFolder: boolean
  readonly isFile: boolean
  readonly key: FileKey
  /** Good in this process. */
  readonly path: string
  /** Good in every process that counts processes as this one does. */
  readonly sharedPath: string
  #descriptor: number | undefined

  private constructor(descriptor: number, kind: { isFolder: boolean; isFile: boolean; key: FileKey }) {
    this.isFolder = kind.isFolder
    this.isFile = kind.isFile
    this.key = kind.key
    this.path = `/proc/self/fd/${descriptor}`
    this.sharedPath = `/proc/${process.pid}/fd/${descriptor}`
    this.#descriptor = descriptor
  }

  /** Rejects with the system's error. */
  static async open(path: string, isFolder: boolean): Promise<OpenPath> {
    const descriptor = await openDescriptor(path, isFolder ? FOLDER : ANY)
    try {
      const stats = await statDescriptor(descriptor)
      const kind = { isFolder: stats.isDirectory(), isFile: stats.isFile(), key: `${stats.dev}:${stats.ino}` }
      return new OpenPath(descriptor, kind)
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

/**
 * Opens a clean absolute path one component after the other, so that a link anywhere in it is found, not followed, also
 * one that is put there meanwhile. `onFolder` is told each folder on the way, `/` first, which is what `root` leads to.
 * @throws the system's error, ENOTDIR for a link on the way; validation_failed for a path that is not clean
 */
export async function openPath(
  path: string,
  onFolder: (key: FileKey) => void = () => {},
  root = '/',
): Promise<OpenPath> {
  const parts = partsOf(path)
  if (parts === undefined) throw new ErrandError('validation_failed', 'the path is not absolute and clean')
  let here = await OpenPath.open(root, true)
  for (const [index, part] of parts.entries()) {
    using folder = here
    onFolder(folder.key)
    here = await OpenPath.open(`${folder.path}/${part}`, index < parts.length - 1)
  }
  return here
}

/** The system's name of what went wrong, if `error` is the system's. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
