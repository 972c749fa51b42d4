import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { namesIn } from '../../files/names-in.ts'
import { removeTree } from '../../files/remove-tree.ts'
import type { ExecutionDeps } from './execution-deps.ts'

interface StrayFoldersDeps extends Pick<ExecutionDeps, 'journal' | 'executorId' | 'folder' | 'trash' | 'log'> {
  /** Lives in this process, or is about to. */
  readonly isLive: (executionId: string) => boolean
}

/** What earlier processes left on the disk and nobody will ask for: what they were removing, and folders without a record. */
export class StrayFolders {
  readonly #deps: StrayFoldersDeps
  readonly #thrownAway: readonly string[]
  readonly #folders: readonly string[]

  private constructor(deps: StrayFoldersDeps, thrownAway: readonly string[], folders: readonly string[]) {
    this.#deps = deps
    this.#thrownAway = thrownAway
    this.#folders = folders
  }

  /** Before this process makes anything of its own there. Rejects with the system's error. */
  static async find(deps: StrayFoldersDeps): Promise<StrayFolders> {
    return new StrayFolders(deps, await namesIn(deps.trash), await namesIn(deps.folder))
  }

  /**
   * Removes them, one after the other. What cannot be removed is logged.
   * @param known ids that have a record for certain; whether others have one is asked
   */
  async remove(known: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { trash } = this.#deps
    for (const name of this.#thrownAway) await this.#try(() => removeTree(join(trash, name)), name, signal)
    for (const name of this.#folders) {
      if (!known.has(name)) await this.#try(() => this.#removeUnknown(name), name, signal)
    }
  }

  async #removeUnknown(name: string): Promise<void> {
    const { journal, executorId, folder, trash, isLive, log } = this.#deps
    await mkdir(trash, { recursive: true, mode: 0o700 })
    const place = join(trash, randomId())
    if ((await journal.find(executorId, name)) !== undefined) return
    // Its id may have been taken anew meanwhile. Nothing may be waited for in between.
    if (isLive(name)) return
    await rename(join(folder, name), place)
    log.info({ execution: name }, 'removed files of an execution that has no record')
    await removeTree(place)
  }

  async #try(remove: () => Promise<void>, name: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    try {
      await remove()
    } catch (error) {
      if (!signal.aborted)
        this.#deps.log.warn({ err: error, name }, 'what an earlier process left could not be removed')
    }
  }
}
