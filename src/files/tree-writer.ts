import { constants, type FileHandle, lstat, mkdir, open, unlink } from 'node:fs/promises'
import { ErrandError } from '../core/errors.ts'
import { storageCodeOf } from '../util/storage-code.ts'
import type { Allowance } from './allowance.ts'
import { type OpenPath, systemCode } from './open-path.ts'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
const FILE_MODE = 0o644
const EXECUTABLE_MODE = 0o755
const FOLDER_MODE = 0o755

/** `taken`: something of that name, by the file system's own idea of sameness, is there already, or is in the way. */
export type Written = 'written' | 'taken' | 'over_limit'

/**
 * Makes files and folders below a folder that nobody else can write to, as this process's own. Never replaces or follows
 * anything. Names are lists of parts, each a plain name. Rejects with storage_full or storage_error.
 */
export class TreeWriter {
  readonly #root: OpenPath
  readonly #allowance: Allowance
  #parent = ''
  bytes = 0
  /** Files and folders, those included that names imply. */
  files = 0

  constructor(root: OpenPath, allowance: Allowance) {
    this.#root = root
    this.#allowance = allowance
  }

  /** A folder that is there already is written. */
  async makeFolder(parts: readonly string[]): Promise<Written> {
    const path = parts.join('/')
    if (path === this.#parent) return 'written'
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const made = await this.#makeOne(parts.slice(0, depth).join('/'))
      if (made !== 'written') return made
    }
    this.#parent = path
    return 'written'
  }

  /** Half a file is removed when `content` rejects, and the rejection passed on. */
  async writeFile(
    parts: readonly string[],
    file: { readonly bytes: number; readonly isExecutable: boolean },
    content: AsyncIterable<Uint8Array>,
  ): Promise<Written> {
    const parent = await this.makeFolder(parts.slice(0, -1))
    if (parent !== 'written') return parent
    if (!this.#allowance.take(file.bytes, 1)) return 'over_limit'
    const path = this.#pathOf(parts.join('/'))
    const handle = await open(path, CREATE, file.isExecutable ? EXECUTABLE_MODE : FILE_MODE).catch(tolerate)
    if (handle === undefined) return 'taken'
    await fill(handle, path, content)
    this.bytes += file.bytes
    this.files += 1
    return 'written'
  }

  /** Counts something that is not written: it has to be read all the same. */
  passOver(bytes: number): boolean {
    return this.#allowance.take(bytes, 1)
  }

  async #makeOne(name: string): Promise<Written> {
    if (this.#parent === name || this.#parent.startsWith(`${name}/`)) return 'written'
    // Before the folder is there, so that no more are made than may be.
    if (!this.#allowance.take(0, 1)) return 'over_limit'
    try {
      await mkdir(this.#pathOf(name), FOLDER_MODE)
      this.files += 1
      return 'written'
    } catch (error) {
      this.#allowance.giveBack(0, 1)
      if (!isInTheWay(error)) throw toStorageError(error)
      const stats = await lstat(this.#pathOf(name)).catch(() => undefined)
      return stats?.isDirectory() === true ? 'written' : 'taken'
    }
  }

  #pathOf(name: string): string {
    return `${this.#root.path}/${name}`
  }
}

async function fill(file: FileHandle, path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await using _closed = file
    for await (const chunk of content) await file.writeFile(chunk).catch(refuse)
  } catch (error) {
    await unlink(path).catch(() => {})
    throw error
  }
}

function tolerate(error: unknown): undefined {
  if (!isInTheWay(error)) throw toStorageError(error)
}

function refuse(error: unknown): never {
  throw toStorageError(error)
}

function isInTheWay(error: unknown): boolean {
  return ['EEXIST', 'ENOTDIR', 'ELOOP', 'EISDIR'].includes(systemCode(error) ?? '')
}

/** What the file system throws meanwhile gets a code, storage_full or storage_error; what has one keeps it. */
export async function coded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof ErrandError ? error : toStorageError(error)
  }
}

export function toStorageError(error: unknown): ErrandError {
  return new ErrandError(storageCodeOf(error), `files cannot be written: ${String(error)}`, { cause: error })
}
