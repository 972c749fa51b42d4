import type { Clock } from '../core/clock.ts'
import { findCpuCounter, type ProcRoots } from './cgroup-cpu.ts'
import { OwnCpu } from './own-cpu.ts'
import { type CpuTicks, type HostMemory, readCpuTicks, readMemory } from './proc-files.ts'

/** Readings are this far apart while somebody cares. */
const PERIOD_MS = 2_500
/** The mean of the CPU in use by others reaches back this far; so long after a question the readings go on. */
const WINDOW_MS = 10_000
/** Over less than this, our own container starts would pass for a busy host. */
const LEAST_WINDOW_MS = 5_000
/** Over less than this, a share of CPU ticks (10 ms each) says little. */
const LEAST_SHARE_MS = 1_000

/** Where Linux shows the host. */
export const HOST_ROOTS: ProcRoots = { procRoot: '/proc', cgroupRoot: '/sys/fs/cgroup' }

interface Reading extends CpuTicks {
  readonly atMs: number
  readonly ownMs: number
}

export interface HostMonitorDeps {
  readonly clock: Clock
  /** `HOST_ROOTS`, or a folder of a test. */
  readonly roots: ProcRoots
}

/**
 * What the real host has and has free, whoever uses it. Memory is read at each question; CPU is watched in coarse steps,
 * and only while an instance of ours is tracked or somebody asked within the last 10 s, so an idle node does not poll.
 */
export class HostMonitor implements Disposable {
  readonly capacity: { readonly cpuMillis: number; readonly memoryBytes: number }
  readonly #clock: Clock
  readonly #roots: ProcRoots
  readonly #own = new OwnCpu()
  /** Oldest first, never empty; the first is the youngest that is at least a window old, once there is one. */
  readonly #readings: [Reading, ...Reading[]]
  #memory: HostMemory
  #askedMs: number
  #timer: Disposable | undefined

  private constructor({ clock, roots }: HostMonitorDeps, memory: HostMemory, ticks: CpuTicks) {
    this.#clock = clock
    this.#roots = roots
    this.#memory = memory
    this.#askedMs = clock.monotonicMs()
    this.#readings = [{ ...ticks, atMs: this.#askedMs, ownMs: 0 }]
    this.capacity = { cpuMillis: ticks.cores * 1000, memoryBytes: memory.totalBytes }
  }

  /** @throws unsupported on a host that does not show its CPU and memory as Linux does */
  static open(deps: HostMonitorDeps): HostMonitor {
    return new HostMonitor(deps, readMemory(deps.roots.procRoot), readCpuTicks(deps.roots.procRoot))
  }

  /** Counts the cgroup of process `pid` as ours. One that cannot be read counts as zero. */
  track(instanceId: string, pid: number): void {
    this.#own.track(instanceId, findCpuCounter(this.#roots, pid))
    this.#keepWatching()
  }

  untrack(instanceId: string): void {
    this.#own.untrack(instanceId)
  }

  /**
   * What instances of ours can have: the CPU that nobody else used over the last 10 s (what our instances use is not
   * subtracted), undefined while it was not watched for long enough; and the memory that is free now.
   */
  hostFree(): { readonly cpuMillis: number | undefined; readonly memoryBytes: number } {
    return { cpuMillis: this.#freeCpuMillis(), memoryBytes: this.#readMemory().availableBytes }
  }

  /** Share of the CPU in use by anybody, 0 to 1, since the last reading that is at least 1 s old. */
  cpuUsed(): number {
    const now = this.#ask()
    const base = this.#readings.findLast((reading) => now.atMs - reading.atMs >= LEAST_SHARE_MS) ?? this.#readings[0]
    return busyShare(base, now)
  }

  /** Share of the memory in use by anybody, 0 to 1. */
  memoryUsed(): number {
    const { totalBytes, availableBytes } = this.#readMemory()
    return share(totalBytes - availableBytes, totalBytes)
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }

  #freeCpuMillis(): number | undefined {
    const now = this.#ask()
    // Older readings are from before a time without watching: a mean over that says nothing of now.
    const base = this.#readings.find((reading) => now.atMs - reading.atMs <= WINDOW_MS + PERIOD_MS)
    if (base === undefined || now.atMs - base.atMs < LEAST_WINDOW_MS) return undefined
    const ownShare = share(now.ownMs - base.ownMs, (now.atMs - base.atMs) * now.cores)
    const foreignShare = Math.max(0, busyShare(base, now) - ownShare)
    return Math.floor(this.capacity.cpuMillis * (1 - foreignShare))
  }

  #ask(): Reading {
    this.#askedMs = this.#clock.monotonicMs()
    this.#keepWatching()
    return this.#read()
  }

  #read(): Reading {
    const atMs = this.#clock.monotonicMs()
    const last = this.#readings.at(-1) ?? this.#readings[0]
    const reading = { ...this.#readTicks(last), atMs, ownMs: this.#own.readMs() }
    // Many questions at once leave one reading behind.
    if (atMs - last.atMs >= LEAST_SHARE_MS) this.#readings.push(reading)
    while (this.#readings[1] !== undefined && atMs - this.#readings[1].atMs >= WINDOW_MS) this.#readings.shift()
    return reading
  }

  /** The last ticks known when there are none now (out of file descriptors, say): the next reading makes up for it. */
  #readTicks(last: CpuTicks): CpuTicks {
    try {
      return readCpuTicks(this.#roots.procRoot)
    } catch {
      return { busy: last.busy, total: last.total, cores: last.cores }
    }
  }

  #readMemory(): HostMemory {
    try {
      this.#memory = readMemory(this.#roots.procRoot)
    } catch {
      // as in #readTicks
    }
    return this.#memory
  }

  #keepWatching(): void {
    this.#timer ??= this.#clock.setTimer(PERIOD_MS, () => {
      this.#timer = undefined
      this.#read()
      if (!this.#own.isEmpty || this.#clock.monotonicMs() - this.#askedMs < WINDOW_MS) this.#keepWatching()
    })
  }
}

function busyShare(base: CpuTicks, now: CpuTicks): number {
  return share(now.busy - base.busy, now.total - base.total)
}

/** Between 0 and 1, also where counters went back or stood still. */
function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0
}
