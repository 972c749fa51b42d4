import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { writeDurably } from '../../util/durable-file.ts'
import { storageCodeOf } from '../../util/storage-code.ts'
import type { TaskRecord } from './task-request.ts'
import { taskFile } from './task-schema.ts'

const NAME = 'tasks.json'

/** The named tasks of a node on disk: they hold secrets, so its owner alone can read them. */
export class TaskFile {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** None where there is no file yet. @throws storage_error when it is damaged: to forget tasks would be worse */
  async read(): Promise<readonly TaskRecord[]> {
    const path = join(this.#folder, NAME)
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new ErrandError('storage_error', `${path} cannot be read: ${error.message}`, { cause: error })
    })
    if (text === undefined) return []
    try {
      return taskFile.parse(JSON.parse(text)).tasks
    } catch (cause) {
      const advice = 'restore it, or remove it and define the tasks anew'
      throw new ErrandError('storage_error', `${path} is damaged: ${advice}`, { details: { path }, cause })
    }
  }

  /** All of it or, after a failure, none. @throws storage_full, storage_error */
  async write(tasks: readonly TaskRecord[]): Promise<void> {
    await writeDurably(this.#folder, NAME, { version: 1, tasks }).catch((cause: Error) => {
      throw new ErrandError(storageCodeOf(cause), `the tasks cannot be kept: ${cause.message}`, { cause })
    })
  }
}
