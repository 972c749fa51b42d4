import type { SandboxNetworkKind } from './sandbox-spec.ts'

export interface EngineProbe {
  readonly version: string
  /** Versions of what it is made of, by name in lower case, as the packages have them where that is told; absent if nothing is. */
  readonly components?: ReadonlyMap<string, string>
  /** When the engine itself was started, milliseconds since the Unix epoch, where that can be seen. */
  readonly startedMs?: number
  /** Sandboxes run on while the engine is restarted. */
  readonly outlivesRestart: boolean
  readonly cpuCores: number
  readonly memoryBytes: number
  readonly canPause: boolean
  readonly canExec: boolean
  readonly canCollect: boolean
  /** Folders of this host can be mounted into sandboxes, live. */
  readonly canMount: boolean
  /** Where those folders have to be looked for, if the engine's view of the mounts is not this process's: its `/`. */
  readonly hostRoot?: string
  /** What this process keeps in its state folder can be mounted by its path: the engine finds it there too. */
  readonly findsOwnFiles: boolean
  /** Ports of this host can lead to sandboxes. */
  readonly canPublish: boolean
  /** The storage of sandboxes takes a quota. */
  readonly canLimitDisk: boolean
  readonly networks: ReadonlySet<SandboxNetworkKind>
  /** OCI runtimes that a spec may name. */
  readonly runtimes: ReadonlyMap<string, RuntimeProbe>
  readonly defaultRuntime: string
  /** Where it keeps images on this host; absent where that is not known, or out of this process's sight. */
  readonly storageFolder?: string
  /** Shortcomings of this host that an operator should know, one sentence each. */
  readonly warnings: readonly string[]
}

/** What a runtime has to enforce. */
export type LimitName = 'cpu' | 'memory' | 'pids'

export interface RuntimeProbe {
  /** False when limits of memory, cpu or pids are known not to bind, so that the runtime must not get foreign work. */
  readonly enforcesLimits: boolean
  /** Which of them do not bind, where that is known. */
  readonly unenforced?: readonly LimitName[]
  /** True when a task can serve on a unix socket that this process can open. */
  readonly hasUnixSocket: boolean
  /** What it runs, where that is told: a path, or a name that the engine looks up. */
  readonly program?: string
}
