import { MIB } from '../../core/resources.ts'
import type { SandboxBill, SandboxStats, TrafficCounters } from '../engine.ts'
import type { FakeUsage } from './fake-script.ts'

/** Of a process that was just started: a little, as every real one. */
const AT_START: FakeUsage = {
  cpuNs: 1_000_000,
  cpuPercent: 0,
  memoryBytes: MIB,
  networkRxBytes: 0,
  networkTxBytes: 0,
  blockReadBytes: 0,
  blockWriteBytes: 0,
  pids: 1,
}

/** What one fake sandbox uses, as its script and program say. */
export class FakeMeter {
  readonly #limitBytes: number
  #usage: FakeUsage = AT_START
  #memoryPeakBytes = 0

  /** `limitBytes` 0: no limit. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** True when that is more memory than there is. */
  use(usage: Partial<FakeUsage>): boolean {
    this.#usage = { ...this.#usage, ...usage }
    const wanted = this.#usage.memoryBytes
    const isTooMuch = this.#limitBytes > 0 && wanted > this.#limitBytes
    this.#memoryPeakBytes = Math.max(this.#memoryPeakBytes, isTooMuch ? this.#limitBytes : wanted)
    return isTooMuch
  }

  stats(timeMs: number): SandboxStats {
    const { cpuNs, cpuPercent, memoryBytes, networkRxBytes, networkTxBytes, pids } = this.#usage
    const { blockReadBytes, blockWriteBytes } = this.#usage
    return {
      timeMs,
      cpu: { totalNs: cpuNs, kernelNs: 0, userNs: cpuNs, percent: cpuPercent },
      memory: { usageBytes: memoryBytes, maxBytes: this.#memoryPeakBytes, limitBytes: this.#limitBytes },
      network: { rx: traffic(networkRxBytes), tx: traffic(networkTxBytes) },
      blockIo: { readBytes: blockReadBytes, writeBytes: blockWriteBytes },
      pids,
    }
  }

  bill(): SandboxBill {
    const { cpuNs, blockReadBytes, blockWriteBytes } = this.#usage
    return { cpuNs, memoryPeakBytes: this.#memoryPeakBytes, blockReadBytes, blockWriteBytes }
  }
}

function traffic(bytes: number): TrafficCounters {
  return { bytes, packets: Math.ceil(bytes / 1500), errors: 0, dropped: 0 }
}
