import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MIB, NO_RESOURCES, type Resources } from '../../src/core/resources.ts'
import type { Daemon } from '../../src/daemon/daemon.ts'
import { type Address, httpCall } from './http-call.ts'

/** A daemon as the invariants see it: in the process of the test, or in one of its own. */
export interface WatchedDaemon {
  /** Of its first listener; empty when it has none. */
  readonly address: Address
  readonly installation: string
  /** Where the Docker Engine is that has its containers. */
  readonly engineSocket: string
  /** What it says is leased; undefined while it is paused or stopping. */
  leases(): Promise<ToldLeases | undefined>
  /** How much memory it takes. */
  memoryBytes(): Promise<number>
}

export interface ToldLeases {
  readonly leased: Resources
  /** By how much the figures may be off. */
  readonly rounding: Resources
}

/** What `GET /stats` answers, as far as it is about leases: cores, MiB and percent of them. */
interface Stats {
  readonly success?: boolean
  readonly task_cpu: number
  readonly task_mem: number
  readonly task_used_cpu: number
  readonly task_used_mem: number
  readonly task_used_gpu: number
}

/**
 * A daemon in this process: its leases are exact. Of its memory only what is in use can be told, together with that of the
 * test; the garbage in between would be that of both, and a test makes more of it than its daemon.
 */
export function watchHere(daemon: Daemon, known: Pick<WatchedDaemon, 'installation' | 'engineSocket'>): WatchedDaemon {
  return {
    ...known,
    address: daemon.addresses[0] ?? '',
    async leases() {
      try {
        return { leased: daemon.node.stats().leased, rounding: NO_RESOURCES }
      } catch {
        return undefined
      }
    },
    memoryBytes: async () => {
      collectGarbage()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    },
  }
}

/** A daemon in a process of its own, that tells its leases on its first listener. Its memory is what is resident. */
export function watchProcess(
  pid: number,
  known: Pick<WatchedDaemon, 'address' | 'installation' | 'engineSocket'>,
): WatchedDaemon {
  return {
    ...known,
    async leases() {
      const { text } = await httpCall(known.address, { method: 'GET', path: '/stats' })
      const stats = JSON.parse(text) as Stats
      return stats.success === false ? undefined : leasesOf(stats)
    },
    memoryBytes: async () => (await memoryOf(pid)).nowBytes,
  }
}

/** Resident memory of a process now, and the most that it ever was. */
export async function memoryOf(pid: number): Promise<{ readonly nowBytes: number; readonly peakBytes: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return { nowBytes: field('VmRSS'), peakBytes: field('VmHWM') }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** Percent come with two decimals, and what they are of without a broken MiB. */
function leasesOf(stats: Stats): ToldLeases {
  const cpuMillis = stats.task_cpu * 1000
  const memoryBytes = stats.task_mem * MIB
  return {
    leased: {
      cpuMillis: (cpuMillis * stats.task_used_cpu) / 100,
      memoryBytes: (memoryBytes * stats.task_used_mem) / 100,
      gpus: stats.task_used_gpu,
    },
    rounding: { cpuMillis: cpuMillis / 10_000, memoryBytes: memoryBytes / 10_000 + MIB, gpus: 0 },
  }
}
