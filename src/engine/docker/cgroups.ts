import { access, readdir, readFile, readlink, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxBill } from '../engine.ts'

const ROOT = '/sys/fs/cgroup'
const NS_PER_US = 1000
/** The kernel's own number of the cgroup namespace that everything begins in (PROC_CGROUP_INIT_INO). */
const FIRST_NAMESPACE = 'cgroup:[4026531835]'

/**
 * The cgroups above those of containers, named `FOLDER/CONTAINER`. Nobody but we removes them, so that what they have
 * counted of a container can be read after its end. Files as the kernel's cgroup-v1 and cgroup-v2 documents name them.
 */
export class ParentCgroups {
  readonly #folder: string
  readonly #root: string

  constructor(folder: string, root: string = ROOT) {
    this.#folder = folder
    this.#root = root
  }

  /** As `HostConfig.CgroupParent` takes it. */
  pathOf(container: string): string {
    return `/${this.#folder}/${container}`
  }

  /** Exact once all processes have ended; undefined when there is no such cgroup, or the kernel does not count it all. */
  async read(container: string): Promise<SandboxBill | undefined> {
    try {
      return (await this.#isUnified()) ? await this.#readUnified(container) : await this.#readControllers(container)
    } catch {
      return undefined
    }
  }

  /** Containers that have one. */
  async list(): Promise<Set<string>> {
    const found = await Promise.all((await this.#hierarchies()).map((root) => foldersIn(join(root, this.#folder))))
    return new Set(found.flat())
  }

  /** Removes what has no process any more, and nothing else. Never rejects: what is left is listed the next time. */
  async remove(container: string): Promise<void> {
    const hierarchies = await this.#hierarchies()
    await Promise.all(hierarchies.map((root) => removeTree(join(root, this.#folder, container))))
  }

  /** Removes the folder of them all if it is empty. */
  async removeFolder(): Promise<void> {
    const hierarchies = await this.#hierarchies()
    await Promise.all(hierarchies.map((root) => rmdir(join(root, this.#folder)).catch(() => {})))
  }

  async #readControllers(container: string): Promise<SandboxBill> {
    const read = (controller: string, file: string): Promise<string> =>
      readFile(join(this.#root, controller, this.#folder, container, file), 'utf8')
    const [cpu, memory, io] = await Promise.all([
      read('cpuacct', 'cpuacct.usage'),
      read('memory', 'memory.max_usage_in_bytes'),
      read('blkio', 'blkio.throttle.io_service_bytes_recursive'),
    ])
    return {
      cpuNs: Number(cpu),
      memoryPeakBytes: Number(memory),
      blockReadBytes: sumOf(io, / Read (\d+)/g),
      blockWriteBytes: sumOf(io, / Write (\d+)/g),
    }
  }

  async #readUnified(container: string): Promise<SandboxBill> {
    const read = (file: string): Promise<string> => readFile(join(this.#root, this.#folder, container, file), 'utf8')
    const [cpu, memory, io] = await Promise.all([read('cpu.stat'), read('memory.peak'), read('io.stat')])
    return {
      cpuNs: sumOf(cpu, /^usage_usec (\d+)/gm) * NS_PER_US,
      memoryPeakBytes: Number(memory),
      blockReadBytes: sumOf(io, / rbytes=(\d+)/g),
      blockWriteBytes: sumOf(io, / wbytes=(\d+)/g),
    }
  }

  async #isUnified(): Promise<boolean> {
    return exists(join(this.#root, 'cgroup.controllers'))
  }

  /** Links among the controllers are second names. */
  async #hierarchies(): Promise<string[]> {
    if (await this.#isUnified()) return [this.#root]
    return (await foldersIn(this.#root)).map((controller) => join(this.#root, controller))
  }
}

/**
 * Whether paths of cgroups mean here what they mean on the host: not in a container, which has a namespace of its own or
 * sees but its own part of the tree.
 */
export async function seesHostCgroups(procSelf = '/proc/self'): Promise<boolean> {
  try {
    const namespace = await readlink(join(procSelf, 'ns/cgroup'))
    const mounts = (await readFile(join(procSelf, 'mountinfo'), 'utf8')).split('\n')
    // ID PARENT DEVICE ROOT PLACE ... - TYPE SOURCE OPTIONS
    const cgroups = mounts.map((line) => line.split(' ')).filter((fields) => /^cgroup2?$/.test(typeOf(fields)))
    return namespace === FIRST_NAMESPACE && cgroups.length > 0 && cgroups.every(([, , , root]) => root === '/')
  } catch {
    return false
  }
}

function typeOf(fields: readonly string[]): string {
  return fields[fields.indexOf('-') + 1] ?? ''
}

function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, digits]) => sum + Number(digits), 0)
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

async function removeTree(folder: string): Promise<void> {
  await Promise.all((await foldersIn(folder)).map((name) => removeTree(join(folder, name))))
  await rmdir(folder).catch(() => {})
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
