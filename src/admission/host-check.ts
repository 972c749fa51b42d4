/** How far admission looks at the real host: at CPU and memory, at memory alone, or not at all. */
export type HostCheckMode = 'full' | 'memory' | 'none'

/** The real host, as far as admission asks. Must not throw. */
export interface HostCheck {
  readonly capacity: { readonly cpuMillis: number }
  hostFree(): HostFree
}

interface HostFree {
  /** What others leave of the host's CPU, what instances of ours use not subtracted; undefined when unknown. */
  readonly cpuMillis: number | undefined
  /** What is free right now, whoever uses the rest. */
  readonly memoryBytes: number
}
