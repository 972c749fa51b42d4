import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ProcRoots {
  /** `/proc` of the host. */
  readonly procRoot: string
  /** `/sys/fs/cgroup` of the host. */
  readonly cgroupRoot: string
}

/** Milliseconds of CPU time that one cgroup has used so far; undefined when that cannot be read (any more). */
export type CpuCounter = () => number | undefined

/** The CPU counter of the cgroup that process `pid` lives in, of version 1 or 2; undefined when none can be read. */
export function findCpuCounter(roots: ProcRoots, pid: number): CpuCounter | undefined {
  const own = cgroupFiles(roots, 'self')
  // In a container without the host's process ids, `pid` may be a stranger beside us: never take our own use for a task's.
  const candidates = cgroupFiles(roots, String(pid)).filter((file) => !own.includes(file))
  for (const file of candidates) {
    const counter = (): number | undefined => readUsageMs(file)
    if (counter() !== undefined) return counter
  }
  return undefined
}

/** Where the usage of this process's cgroup may be found, most telling first. The root cgroup is the whole host, so never. */
function cgroupFiles({ procRoot, cgroupRoot }: ProcRoots, pid: string): string[] {
  const files: string[] = []
  for (const line of (readText(join(procRoot, pid, 'cgroup')) ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.+)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    if (controllers.split(',').includes('cpuacct')) {
      // Mounted under the joined name of its controllers; the name alone is a link to that, or the mount itself.
      files.unshift(
        join(cgroupRoot, controllers, path, 'cpuacct.usage'),
        join(cgroupRoot, 'cpuacct', path, 'cpuacct.usage'),
      )
    } else if (controllers === '') {
      files.push(join(cgroupRoot, path, 'cpu.stat'), join(cgroupRoot, 'unified', path, 'cpu.stat'))
    }
  }
  return files
}

function readUsageMs(file: string): number | undefined {
  const text = readText(file)
  if (text === undefined) return undefined
  if (file.endsWith('cpuacct.usage')) return Number(text) / 1e6
  const micros = /^usage_usec (\d+)$/m.exec(text)?.[1]
  return micros === undefined ? undefined : Number(micros) / 1e3
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined // gone with its process, or not there on this host
  }
}
