import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../core/log.ts'
import type { Task } from '../core/task.ts'
import type { SandboxSpec } from '../engine/engine.ts'
import { type Provision, writeProvision } from '../files/provision.ts'
import { removeTree } from '../files/remove-tree.ts'
import { coded } from '../files/tree-writer.ts'

/** The scripts of tasks, on this host's disk while instances start: once one is ready they have run. */
export class StartScripts {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Removes what an earlier process left in `folder`, which is ours alone. */
  static async open(folder: string, log: Log): Promise<StartScripts> {
    await removeTree(folder).catch((error: unknown) => {
      log.warn({ err: error, folder }, 'the scripts of earlier starts could not be removed')
    })
    return new StartScripts(folder)
  }

  /** Those of one start; undefined where there are none. Whoever writes them disposes. @throws storage_full; storage_error */
  async write(instanceId: string, { definition }: Task): Promise<WrittenScripts | undefined> {
    const scripts = definition?.provisionScripts
    if (scripts === undefined) return undefined
    const folder = join(this.#folder, instanceId)
    await using undo = new AsyncDisposableStack()
    // What cannot be removed is, by the next process: an instance that runs is worth more.
    undo.defer(() => removeTree(folder).catch(() => {}))
    await coded(mkdir(this.#folder, { recursive: true, mode: 0o700 }))
    const provision = await coded(writeProvision(folder, scripts))
    return new WrittenScripts(provision, undo.move())
  }
}

/** Disposing removes them. */
class WrittenScripts implements AsyncDisposable {
  readonly #provision: Provision
  readonly #files: AsyncDisposableStack

  constructor(provision: Provision, files: AsyncDisposableStack) {
    this.#provision = provision
    this.#files = files
  }

  /** The same sandbox, which runs them first. */
  runIn(spec: SandboxSpec): SandboxSpec {
    const { mount, entrypointPrefix } = this.#provision
    return {
      ...spec,
      mounts: [...(spec.mounts ?? []), mount],
      process: { ...spec.process, prefix: entrypointPrefix },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files.disposeAsync()
  }
}
