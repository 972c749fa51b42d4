import type { DiskUsage, SandboxBill, SandboxStats } from '../../engine/engine.ts'
import { isBeyond } from '../../instance/disk-limit.ts'
import type { UsedResources } from '../executor.ts'

/** What is looked at: one running sandbox. */
export interface SeenSandbox {
  stats(signal: AbortSignal): Promise<SandboxStats | undefined>
  bill(signal: AbortSignal): Promise<SandboxBill | undefined>
  diskUsage(limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined>
}

/** What one sandbox was seen to take, where the kernel sets no limit, or forgets it at the end. */
export class ResourceWatch {
  readonly #hasNetwork: boolean
  #lastStats: SandboxStats | undefined
  #lastBill: SandboxBill | undefined

  constructor(hasNetwork: boolean) {
    this.#hasNetwork = hasNetwork
  }

  /** Now and then while it runs. Resolves with what it has written, which is looked at first. */
  async look(sandbox: SeenSandbox, limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined> {
    const usage = await sandbox.diskUsage(limit, signal)
    if (usage === undefined || !isBeyond(usage, limit)) await this.#count(sandbox, signal)
    return usage
  }

  /** The exact bill where there is one, else what was last seen, which lacks what came after. */
  used(final: SandboxBill | undefined): UsedResources {
    const last = this.#lastStats
    const network = last && { networkRxBytes: last.network.rx.bytes, networkTxBytes: last.network.tx.bytes }
    const bill = final ?? this.#lastBill
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

  /** An engine may take more than a second for statistics: it is spared where a bill tells all that there is to know. */
  async #count(sandbox: SeenSandbox, signal: AbortSignal): Promise<void> {
    this.#lastBill = (await sandbox.bill(signal)) ?? this.#lastBill
    if (this.#lastBill !== undefined && !this.#hasNetwork) return
    this.#lastStats = (await sandbox.stats(signal)) ?? this.#lastStats
  }
}
