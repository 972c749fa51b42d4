import { realpath, statfs } from 'node:fs/promises'
import { invalidField } from '../core/read-value.ts'
import { isWithin } from '../util/is-within.ts'
import { partsOf } from './clean-path.ts'
import { type FileKey, type OpenPath, openPath, systemCode } from './open-path.ts'

/** Neither these, nor what is in them, nor what they are in. */
const NEVER = ['/proc', '/sys', '/dev', '/run', '/var/run', '/boot']
/** Programs and settings of the host: not as a whole, and what is in them can only be read. */
const READ_ONLY = ['/etc', '/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']

/**
 * File systems that are a kernel's, wherever they are mounted: proc, sysfs, cgroup (both), devpts, debugfs, tracefs,
 * securityfs, configfs, bpf, pstore, nsfs, efivarfs, binfmt_misc, selinuxfs (linux/magic.h).
 */
const KERNEL_FILE_SYSTEMS = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x64626720, 0x74726163, 0x73636673, 0x62656570, 0xcafe4a11,
  0x6165676c, 0x6e736673, 0xde5e81e4, 0x42494e4d, 0xf97cff8c,
])

const UNCLEAN = 'must be an absolute path without `.`, `..`, empty parts, colons and control characters'

/** Which files and folders of this host may be given to sandboxes. */
export class HostPaths {
  readonly #forbidden: readonly string[]
  readonly #root: string
  /** Folders that nothing may be given of, by what they are. */
  readonly #inside = new Set<FileKey>()
  /** They, and all that they are in. */
  readonly #above = new Set<FileKey>()

  private constructor(forbidden: readonly string[], root: string) {
    this.#forbidden = forbidden
    this.#root = root
  }

  /**
   * `reserved` are folders that are ours or an engine's. Those that do not exist are forbidden as paths all the same.
   * `root` is where paths begin: the `/` of this process, or of an engine that has another view of the mounts.
   */
  static async load(reserved: readonly string[], root = '/'): Promise<HostPaths> {
    const real = await Promise.all([...reserved, ...NEVER].map((path) => realpath(path).catch(() => path)))
    const paths = new HostPaths([...new Set([...NEVER, ...reserved, ...real])], root)
    for (const view of new Set(['/', root])) for (const path of real) await paths.#forbid(path, view)
    return paths
  }

  async #forbid(path: string, root: string): Promise<void> {
    const way: FileKey[] = []
    const held = await openPath(path, (key) => way.push(key), root).catch(() => undefined)
    if (held === undefined) return
    using folder = held
    this.#inside.add(folder.key)
    for (const key of [...way, folder.key]) this.#above.add(key)
  }

  /**
   * Judges a path by its words alone.
   * @throws validation_failed
   */
  assertNameable(path: string, isWritable: boolean, field: string): void {
    checkPath(path, field)
    const forbidden = this.#forbidden.find((other) => isWithin(path, other) || isWithin(other, path))
    if (forbidden !== undefined) refuseField(field, `must have nothing to do with ${forbidden}`)
    const system = READ_ONLY.find((other) => path === other || (isWritable && isWithin(path, other)))
    if (system !== undefined) refuseField(field, `must not be ${path === system ? '' : 'writable in '}${system}`)
  }

  /**
   * Holds what is at `source` now. `field` names it in refusals.
   * @throws validation_failed
   */
  async open(source: string, isWritable: boolean, field: string): Promise<OpenPath> {
    this.assertNameable(source, isWritable, field)
    const way: FileKey[] = []
    const opening = openPath(source, (key) => way.push(key), this.#root)
    const held = await opening.catch((error: unknown) => refuseField(field, problemOf(error)))
    try {
      await this.#check(held, way, field)
      return held
    } catch (error) {
      held[Symbol.dispose]()
      throw error
    }
  }

  /** What a path alone does not tell: the same folder may have several, by mounts. */
  async #check(held: OpenPath, way: readonly FileKey[], field: string): Promise<void> {
    if (!held.isFolder && !held.isFile)
      refuseField(field, 'must be a folder or a file, no link, device, socket or pipe')
    const isReserved = this.#above.has(held.key) || way.some((key) => this.#inside.has(key))
    if (isReserved) refuseField(field, 'is another path of a folder of the system')
    const { type } = await statfs(held.path)
    if (KERNEL_FILE_SYSTEMS.has(type)) refuseField(field, 'is in a file system of the kernel')
  }
}

/** @throws validation_failed unless the path is clean, and not `/`. A colon ends a path in the words of many engines. */
export function checkPath(path: string, field: string): void {
  if ((partsOf(path) ?? []).length === 0 || path.includes(':')) refuseField(field, UNCLEAN)
}

export function refuseField(field: string, problem: string): never {
  throw invalidField(field, problem)
}

function problemOf(error: unknown): string {
  const code = systemCode(error)
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'ENOTDIR' || code === 'ELOOP') return 'must not lead through a link or a file'
  return `cannot be opened: ${code ?? String(error)}`
}
