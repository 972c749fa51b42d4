import { closeSync, constants, openSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Linux' O_PATH: names a file without opening it. Node has no constant for it. */
const O_PATH = 0x200000

/**
 * Whether this process and the Docker Engine see the same mounts: not where one of them is in a container, nor under a
 * service manager that gives it a view of its own. What is mounted in one view cannot be mounted again in the other, unless
 * it was reached through that other's root. Disposing lets go of that root.
 */
export class MountView implements Disposable {
  /** Undefined where no Engine can be looked at. */
  readonly isShared: boolean | undefined
  #root: number | undefined

  private constructor(isShared: boolean | undefined, root?: number) {
    this.isShared = isShared
    this.#root = root
  }

  static async open(procRoot = '/proc'): Promise<MountView> {
    const viewOf = (pid: string): Promise<string | undefined> =>
      readlink(join(procRoot, pid, 'ns/mnt')).catch(() => undefined)
    const engines = new Map<string, string>()
    for (const pid of await processesOf(procRoot)) {
      const view = await viewOf(pid)
      if (view !== undefined) engines.set(view, pid)
    }
    const own = await viewOf('self')
    if (engines.size === 0 || own === undefined) return new MountView(undefined)
    if (engines.has(own)) return new MountView(true)
    const [pid, another] = engines.values()
    // Of several Engines, each with a view of its own, nothing tells which is ours.
    const isOnly = pid !== undefined && another === undefined
    return new MountView(false, isOnly ? tryOpen(join(procRoot, pid, 'root')) : undefined)
  }

  /** Where another view begins, as the path of a folder in this process: the Engine's `/`. */
  get engineRoot(): string | undefined {
    // Without the dot it would be a link.
    return this.#root === undefined ? undefined : `/proc/self/fd/${this.#root}/.`
  }

  [Symbol.dispose](): void {
    if (this.#root !== undefined) closeSync(this.#root)
    this.#root = undefined
  }
}

async function processesOf(procRoot: string): Promise<string[]> {
  const names = (await readdir(procRoot)).filter((name) => /^\d+$/.test(name))
  const programs = names.map((pid) => readFile(join(procRoot, pid, 'comm'), 'utf8').catch(() => ''))
  const found = await Promise.all(programs)
  return names.filter((_pid, index) => found[index]?.trimEnd() === 'dockerd')
}

function tryOpen(folder: string): number | undefined {
  try {
    return openSync(folder, O_PATH | constants.O_DIRECTORY)
  } catch {
    return undefined
  }
}
