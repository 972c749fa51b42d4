import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { sleep } from '../../core/wait.ts'
import type { DiskUsage, SandboxBill, SandboxStats } from '../../engine/engine.ts'
import { isBeyond } from '../../instance/disk-limit.ts'
import type { UsedResources } from '../executor.ts'

/** What is watched: one running sandbox. */
export interface WatchedSandbox {
  readonly name: string
  stats(signal: AbortSignal): Promise<SandboxStats | undefined>
  diskUsage(limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined>
}

export interface ResourceWatchDeps {
  readonly clock: Clock
  readonly log: Log
  readonly periodMs: number
  readonly onDiskLimit: (usage: DiskUsage) => void
}

/** Looks now and then at what a sandbox takes where the kernel sets no limit, or forgets it at the end. */
export class ResourceWatch {
  readonly #deps: ResourceWatchDeps
  #last: SandboxStats | undefined

  constructor(deps: ResourceWatchDeps) {
    this.#deps = deps
  }

  /** Resolves when `signal` aborts. */
  async run(sandbox: WatchedSandbox, limit: DiskUsage, signal: AbortSignal): Promise<void> {
    const { clock, log, periodMs } = this.#deps
    while (!signal.aborted) {
      try {
        await sleep(clock, periodMs, signal)
        await this.#look(sandbox, limit, signal)
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error, sandbox: sandbox.name }, 'could not see what an execution takes')
      }
    }
  }

  /** The exact bill where there is one, else what was last seen, which lacks what came after. */
  used(bill: SandboxBill | undefined): UsedResources {
    const last = this.#last
    const network = last && { networkRxBytes: last.network.rx.bytes, networkTxBytes: last.network.tx.bytes }
    if (bill !== undefined) {
      const { cpuNs, memoryPeakBytes, blockReadBytes, blockWriteBytes } = bill
      return { ...network, cpuSeconds: cpuNs / 1e9, memoryPeakBytes, blockReadBytes, blockWriteBytes }
    }
    if (last === undefined) return {}
    return {
      ...network,
      cpuSeconds: last.cpu.totalNs / 1e9,
      memoryPeakBytes: last.memory.maxBytes,
      blockReadBytes: last.blockIo.readBytes,
      blockWriteBytes: last.blockIo.writeBytes,
    }
  }

  async #look(sandbox: WatchedSandbox, limit: DiskUsage, signal: AbortSignal): Promise<void> {
    this.#last = (await sandbox.stats(signal)) ?? this.#last
    const usage = await sandbox.diskUsage(limit, signal)
    if (usage === undefined || !isBeyond(usage, limit)) return
    this.#deps.onDiskLimit(usage)
  }
}
