/** Counters run from the start of the sandbox. */
export interface SandboxStats {
  /** Wall time, milliseconds since the Unix epoch. */
  readonly timeMs: number
  /** Percent of one core: 150 is one and a half. */
  readonly cpu: {
    readonly totalNs: number
    readonly kernelNs: number
    readonly userNs: number
    readonly percent: number
  }
  /** `limitBytes` 0: none. */
  readonly memory: { readonly usageBytes: number; readonly maxBytes: number; readonly limitBytes: number }
  readonly network: { readonly rx: TrafficCounters; readonly tx: TrafficCounters }
  readonly blockIo: { readonly readBytes: number; readonly writeBytes: number }
  readonly pids: number
}

export interface TrafficCounters {
  readonly bytes: number
  readonly packets: number
  readonly errors: number
  readonly dropped: number
}

export interface SandboxBill {
  readonly cpuNs: number
  readonly memoryPeakBytes: number
  readonly blockReadBytes: number
  readonly blockWriteBytes: number
}

export interface DiskUsage {
  readonly bytes: number
  /** Files and folders. */
  readonly inodes: number
}
