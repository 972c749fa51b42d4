import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageCount } from '../../util/usage-count.ts'
import type { DiskUsage } from '../engine.ts'

/** The host as it is, or folders of a test. */
export interface HeldUsageRoots {
  readonly procRoot: string
  readonly cgroupRoot: string
}

const HOST_ROOTS: HeldUsageRoots = { procRoot: '/proc', cgroupRoot: '/sys/fs/cgroup' }

/** 256 processes that have each opened as many files as they may at first. With more than that, anything can be hidden. */
const MOST_OPEN = 256 * 1024
/** Files looked at together. */
const BATCH = 64
/** What the kernel says after the last name of a file that has none any more (d_path in fs/d_path.c). */
const DELETED = ' (deleted)'

/**
 * What a container's processes hold open in its root file system although it has been deleted: it takes up the disk, and
 * no walk finds it. Nothing where its processes cannot be seen under their ids, as from inside a container, and nothing
 * of files that are mapped into memory without being open. Too many open files count as beyond both limits.
 * @throws signal.reason
 */
export async function heldUsage(
  container: { readonly id: string; readonly pid: number },
  limit: DiskUsage,
  signal: AbortSignal,
  roots: HeldUsageRoots = HOST_ROOTS,
): Promise<DiskUsage> {
  const count = new UsageCount(limit)
  const device = await deviceOf(join(roots.procRoot, String(container.pid), 'root'))
  if (device === undefined) return count.usage
  let opened = 0
  for (const pid of await processesOf(container, roots)) {
    const files = await openFilesOf(join(roots.procRoot, pid, 'fd'))
    opened += files.length
    if (opened > MOST_OPEN) count.exceed()
    for (let begin = 0; begin < files.length && !count.isBeyond; begin += BATCH) {
      signal.throwIfAborted()
      await addDeleted(files.slice(begin, begin + BATCH), device, count)
    }
    if (count.isBeyond) break
  }
  return count.usage
}

/** What lies on another device is no part of the root file system: memory above all. */
async function addDeleted(files: readonly string[], device: number, count: UsageCount): Promise<void> {
  for (const found of await Promise.all(files.map(lookIfDeleted))) {
    if (found?.isFile() === true && found.nlink === 0 && found.dev === device) count.add(found)
  }
}

/** Asks the file system, which may be one that hangs, only where the kernel's own word makes it worth it. */
async function lookIfDeleted(file: string) {
  const name = await readlink(file).catch((error: unknown) => (isTooLong(error) ? DELETED : ''))
  return name.endsWith(DELETED) ? stat(file).catch(() => undefined) : undefined
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENAMETOOLONG'
}

async function deviceOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ dev }) => dev,
    () => undefined,
  )
}

/** Of its whole cgroup, for commands that are run beside the main process are no children of that. */
async function processesOf({ id, pid }: { readonly id: string; readonly pid: number }, roots: HeldUsageRoots) {
  for (const folder of await cgroupFolders(join(roots.procRoot, String(pid), 'cgroup'), id, roots.cgroupRoot)) {
    const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')
    // 0 stands for a process that has no id here.
    const pids = text.split('\n').filter((line) => /^[1-9]\d*$/.test(line))
    if (pids.length > 0) return pids
  }
  return []
}

/** Where its name proves that it is the container's: seen from a container of our own, the id may be a stranger's. */
async function cgroupFolders(file: string, id: string, root: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n')
  return lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.+)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined || !path.includes(id)) return []
    // NAME=... is a hierarchy without controllers, mounted by that name.
    const place = controllers.replace(/^name=/, '')
    return place === '' ? [join(root, path), join(root, 'unified', path)] : [join(root, place, path)]
  })
}

async function openFilesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.map((name) => join(folder, name))
}
