import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ErrandError } from '../core/errors.ts'

/** CPU time of the whole host since it booted, in ticks summed over its CPUs. */
export interface CpuTicks {
  readonly busy: number
  /** Busy and idle together. */
  readonly total: number
  /** CPUs online. Not those of our own affinity mask: the engine starts tasks on all of them. */
  readonly cores: number
}

export interface HostMemory {
  readonly totalBytes: number
  /** The kernel's estimate of what new work can take without swapping. */
  readonly availableBytes: number
}

/** @throws unsupported when the file does not look like Linux's */
export function readCpuTicks(procRoot: string): CpuTicks {
  const lines = readFileSync(join(procRoot, 'stat'), 'utf8').split('\n')
  // cpu user nice system idle iowait irq softirq steal guest guest_nice. Guest time is part of user time already; stolen
  // time counts as busy, since nobody here can have it.
  const [user, nice, system, idle, ioWait = 0, irq = 0, softIrq = 0, steal = 0] =
    lines[0]?.match(/\d+/g)?.map(Number) ?? []
  const cores = lines.filter((line) => /^cpu\d/.test(line)).length
  if (user === undefined || nice === undefined || system === undefined || idle === undefined || cores === 0) {
    throw new ErrandError('unsupported', `${procRoot}/stat does not tell the CPU time of this host`)
  }
  const busy = user + nice + system + irq + softIrq + steal
  return { busy, total: busy + idle + ioWait, cores }
}

/** @throws unsupported when the file does not look like Linux's */
export function readMemory(procRoot: string): HostMemory {
  const text = readFileSync(join(procRoot, 'meminfo'), 'utf8')
  const totalKib = /^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1]
  const availableKib = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1]
  if (totalKib === undefined || availableKib === undefined) {
    throw new ErrandError('unsupported', `${procRoot}/meminfo does not tell the memory of this host`)
  }
  return { totalBytes: Number(totalKib) * 1024, availableBytes: Number(availableKib) * 1024 }
}
