import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { DiskUsage } from '../engine/engine.ts'
import type { CpuCounter } from '../resources/cgroup-cpu.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { isBeyond } from './disk-limit.ts'

/** What is watched: the root file system of one running sandbox. */
export interface WatchedDisk {
  readonly name: string
  readonly limit: DiskUsage
  /** What the sandbox has used of the processor: without it nothing is written. Undefined where that cannot be seen. */
  readonly cpuMs: CpuCounter | undefined
  diskUsage(signal: AbortSignal): Promise<DiskUsage | undefined>
  /** Called at every look until the disk is watched no more. */
  onBeyond(used: DiskUsage): Promise<void>
}

export interface DiskWatchDeps {
  readonly clock: Clock
  readonly log: Log
  /** How far apart looks are at a sandbox that does something. Default: 5,000. */
  readonly periodMs?: number
}

/** How far apart looks at the use of disk and network are, where nobody says. */
export const DISK_PERIOD_MS = 5000
/** Disks looked at side by side, in one round. */
const LANES = 4
/** A look may take a walk over millions of files: of the time, at most one part in so many goes into looks at one disk. */
const LEAST_PAUSE = 9
/** In one period. The init of a sandbox that does nothing wakes up every second and uses 0.2 ms; answering a request, 2. */
const MOST_QUIET_CPU_MS = 1
/** Space can be reserved with next to no processor time: after so long even a quiet one is looked at. */
const MOST_QUIET_MS = 300_000

/**
 * Looks now and then at what sandboxes have written where nothing else limits it. One coarse timer for all, and none while
 * there is nothing to watch; a sandbox that has used no processor since the last look has nothing new to show.
 */
export class DiskWatch implements AsyncDisposable {
  readonly #deps: DiskWatchDeps
  readonly #watched = new Set<Watched>()
  readonly #looks = new BackgroundWork()
  #timer: Disposable | undefined
  /** A look failed, and none has worked since. */
  #isBlind = false

  constructor(deps: DiskWatchDeps) {
    this.#deps = deps
  }

  /** The first look comes within one period. Disposing ends the watching, and a look under way. */
  add(disk: WatchedDisk): Disposable {
    const watched = new Watched(disk)
    this.#watched.add(watched)
    this.#arm()
    return { [Symbol.dispose]: () => this.#drop(watched) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watched of this.#watched) this.#drop(watched)
    await this.#looks.idle()
  }

  #drop(watched: Watched): void {
    watched.leave()
    this.#watched.delete(watched)
    if (this.#watched.size > 0) return
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer ??= this.#deps.clock.setTimer(this.#deps.periodMs ?? DISK_PERIOD_MS, () => this.#tick())
  }

  #tick(): void {
    this.#timer = undefined
    this.#arm()
    const nowMs = this.#deps.clock.monotonicMs()
    for (const watched of this.#watched) watched.notice()
    const due = [...this.#watched].filter((watched) => watched.isDue(nowMs)).values()
    for (let lane = 0; lane < LANES; lane += 1) this.#looks.add(this.#lookAtEach(due))
  }

  /** Every lane takes from the same list. */
  async #lookAtEach(due: Iterable<Watched>): Promise<void> {
    for (const watched of due) await this.#look(watched)
  }

  async #look(watched: Watched): Promise<void> {
    const { clock, log } = this.#deps
    const { disk, signal } = watched
    // An earlier round may have got to it by now.
    if (signal.aborted || !watched.isDue(clock.monotonicMs())) return
    watched.begin(clock.monotonicMs())
    try {
      const used = await disk.diskUsage(signal)
      this.#isBlind = false
      if (used === undefined || !isBeyond(used, disk.limit) || signal.aborted) return
      watched.forgetLook()
      await disk.onBeyond(used)
    } catch (error) {
      watched.forgetLook()
      if (signal.aborted || this.#isBlind) return
      this.#isBlind = true
      log.warn({ err: error, sandbox: disk.name }, 'could not see what instances write to their disks; trying again')
    } finally {
      watched.end(clock.monotonicMs())
    }
  }
}

/** One disk, and when it is worth another look. */
class Watched {
  readonly disk: WatchedDisk
  readonly #leaving = new AbortController()
  #isLookedAt = false
  /** Since the last look. */
  #hasWorked = true
  #cpuMs: number | undefined
  #lastMs = -Infinity
  #notBeforeMs = -Infinity

  constructor(disk: WatchedDisk) {
    this.disk = disk
  }

  get signal(): AbortSignal {
    return this.#leaving.signal
  }

  leave(): void {
    this.#leaving.abort(new ErrandError('cancelled', 'the disk is watched no more'))
  }

  /** Once a period. */
  notice(): void {
    const cpuMs = this.disk.cpuMs?.()
    const isQuiet = cpuMs !== undefined && this.#cpuMs !== undefined && cpuMs - this.#cpuMs < MOST_QUIET_CPU_MS
    this.#cpuMs = cpuMs
    if (!isQuiet) this.#hasWorked = true
  }

  isDue(nowMs: number): boolean {
    const isWorthIt = this.#hasWorked || nowMs - this.#lastMs >= MOST_QUIET_MS
    return isWorthIt && !this.#isLookedAt && nowMs >= this.#notBeforeMs
  }

  begin(nowMs: number): void {
    this.#isLookedAt = true
    this.#hasWorked = false
    this.#lastMs = nowMs
  }

  end(nowMs: number): void {
    this.#isLookedAt = false
    this.#notBeforeMs = nowMs + LEAST_PAUSE * (nowMs - this.#lastMs)
  }

  /** However quiet it is, the next look is worth it: this one showed nothing, or what may outlast its cause. */
  forgetLook(): void {
    this.#hasWorked = true
  }
}
