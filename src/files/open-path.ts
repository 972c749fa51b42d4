import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { ErrandError } from '../core/errors.ts'
import { partsOf } from './clean-path.ts'

/** Linux' O_PATH: names a file without opening it. Node has no constant for it. */
const O_PATH = 0x200000
const FOLDER = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** What one file or folder is, wherever it may be reached: `DEVICE:INODE`. */
export type FileKey = string

/** A file or folder of this host, held so that whatever becomes of its path, `path` leads to it. Disposing lets go. */
export class OpenPath implements Disposable {
  readonly descriptor: number
  readonly isFolder: boolean
  readonly isFile: boolean
  readonly key: FileKey
  #isOpen = true

  constructor(descriptor: number) {
    this.descriptor = descriptor
    const stats = fstatSync(descriptor, { bigint: true })
    this.isFolder = stats.isDirectory()
    this.isFile = stats.isFile()
    this.key = `${stats.dev}:${stats.ino}`
  }

  /** Good in this process, for as long as it is held. */
  get path(): string {
    return `/proc/self/fd/${this.descriptor}`
  }

  /** Good in every process that counts processes as this one does. */
  get sharedPath(): string {
    return `/proc/${process.pid}/fd/${this.descriptor}`
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.descriptor)
    this.#isOpen = false
  }
}

/**
 * Opens a clean absolute path one component after the other, so that a link anywhere in it is found, not followed, also
 * one that is put there meanwhile. `onFolder` is told each folder on the way, `/` first.
 * @throws the system's error, ENOTDIR for a link on the way; validation_failed for a path that is not clean
 */
export function openPath(path: string, onFolder: (key: FileKey) => void = () => {}): OpenPath {
  const parts = partsOf(path)
  if (parts === undefined) throw new ErrandError('validation_failed', 'the path is not absolute and clean')
  const last = parts.pop()
  let folder = new OpenPath(openSync('/', FOLDER))
  try {
    for (const part of parts) {
      onFolder(folder.key)
      folder = step(folder, part, FOLDER)
    }
    if (last === undefined) return folder
    onFolder(folder.key)
    return step(folder, last, O_PATH | constants.O_NOFOLLOW)
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
}

/** Opens a folder within one that is held; never a link. */
export function openFolderIn(folder: OpenPath, name: string): OpenPath {
  return new OpenPath(openSync(`${folder.path}/${name}`, FOLDER))
}

function step(folder: OpenPath, name: string, flags: number): OpenPath {
  const next = new OpenPath(openSync(`${folder.path}/${name}`, flags))
  folder[Symbol.dispose]()
  return next
}

/** The system's name of what went wrong, if `error` is the system's. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
