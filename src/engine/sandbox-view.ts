import type { TcpEndpoint, UnixEndpoint } from '../core/endpoint.ts'
import type { Resources } from '../core/resources.ts'
import type { PortBinding } from './sandbox-spec.ts'

export interface SandboxIdentity {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** Names a sandbox across restarts. */
export interface SandboxRef {
  /** Unique on the engine; chosen by us. */
  readonly name: string
  /** Given by the engine. */
  readonly id: string
}

export interface SandboxListing extends SandboxRef {
  readonly state: 'created' | 'running' | 'paused' | 'exited'
  readonly labels: Readonly<Record<string, string>>
}

export interface SandboxView extends SandboxListing {
  /** Set once it has exited. */
  readonly exit: SandboxExit | undefined
  /** Somebody is removing it now. */
  readonly isBeingRemoved?: boolean
  /** Where its server can be dialled; undefined while it does not run. */
  readonly tcp: TcpEndpoint | undefined
  readonly unix: UnixEndpoint | undefined
  /** Process id on the host of its main process, where the engine tells. */
  readonly pid: number | undefined
  /** Its addresses, and ports as they were bound; undefined while it does not run, or has no network. */
  readonly net: SandboxNet | undefined
  /** The limits as the engine says it set them. Zero means none. */
  readonly limits: Pick<Resources, 'cpuMillis' | 'memoryBytes'> & { readonly pids: number }
}

export interface SandboxExit {
  readonly exitCode: number
  /** The kernel killed a process of it for want of memory; not always the main one. */
  readonly isOomKilled: boolean
  /** By the engine's clock, milliseconds since the Unix epoch, where it tells. */
  readonly finishedMs?: number
}

export interface SandboxNet {
  readonly ipAddress: string
  readonly gateway: string
  readonly ports: readonly PortBinding[]
}
