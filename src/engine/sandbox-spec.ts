import type { GpuVendor } from '../core/gpu.ts'
import type { Resources } from '../core/resources.ts'

/**
 * Everything an engine needs to make a sandbox. There is no way to ask for privileges, capabilities or host namespaces;
 * host paths, devices and user names in it have been checked by whoever made it.
 */
export interface SandboxSpec {
  readonly imageId: string
  readonly resources: Resources
  /** One of `probe().runtimes`. */
  readonly runtime: string
  readonly profile: SandboxProfile
  /** What runs, where it differs from what the image says. */
  readonly process: ProcessSpec
  /** The network it is put on; `tasks` is the one that warm tasks share. */
  readonly network: SandboxNetworkKind
  /** The TCP port that the task's server listens on; absent for what serves nothing. */
  readonly port?: number
  /** Gives the task a folder and, in `ERRAND_SOCKET`, a path where it may serve instead of the port. */
  readonly hasSocket: boolean
  /** Ports of the host that lead to it. Not on the network `none`. */
  readonly ports?: readonly PortBinding[]
  /** Asked for names first. */
  readonly dnsServers?: readonly string[]
  readonly mounts?: readonly SandboxMount[]
  /** Most processes and threads at a time. Default: the profile's. */
  readonly pidsLimit?: number
  /** Size of `/dev/shm`; counts as memory. Default: 16 MiB. */
  readonly shmBytes?: number
  /** Quota of its root file system, only where `probe().canLimitDisk`. */
  readonly diskBytes?: number
  /** Operator-configured paths on the host; absent for tasks without SGX. */
  readonly sgx?: SgxPaths
  /** The devices that its lease names, none of them anybody else's. */
  readonly gpus?: readonly GpuDevice[]
}

/**
 * `standard` runs ordinary images unchanged: the image's own user, a writable root file system, the few capabilities that
 * images need which begin as root. `strict`: never root, a read-only root file system, no capability.
 */
export type SandboxProfile = 'standard' | 'strict'

export type SandboxNetworkKind = 'tasks' | 'none' | 'internal' | 'egress'

export interface ProcessSpec {
  /** A command that is run instead, with what would have been run as its last arguments. */
  readonly prefix?: readonly string[]
  /** Instead of the image's; then the image's `cmd` does not count either, as in Docker. */
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  /** Beside the image's own. */
  readonly environment?: Readonly<Record<string, string>>
  readonly workingDir?: string
  /** `USER` or `UID:GID`. In the profile `strict` it has to be numeric and not 0. */
  readonly user?: string
}

export interface PortBinding {
  readonly protocol: 'tcp' | 'udp'
  /** An address of this host. */
  readonly hostIp: string
  /** 0: any that is free. */
  readonly hostPort: number
  /** Inside the sandbox. */
  readonly port: number
}

export type SandboxMount =
  | {
      readonly kind: 'bind'
      /**
       * A path on the host; exists. `/proc/PID/fd/N` is the very folder that this process holds open, until the sandbox has
       * started: without what is mounted under it and, read-only, without effect of setuid bits and device files.
       */
      readonly source: string
      readonly target: string
      readonly isReadOnly: boolean
    }
  | {
      /** An empty folder in memory, which counts as the task's memory. */
      readonly kind: 'scratch'
      readonly target: string
      readonly sizeBytes: number
      /** Whose it is, as `UID:GID`. Default: root's, open to all. */
      readonly owner?: string
      readonly canExecute?: boolean
    }

export interface SgxPaths {
  readonly devicePath: string
  readonly aesmdPath: string
}

/** One GPU of this host, or a MIG part of one. */
export interface GpuDevice {
  readonly vendor: GpuVendor
  /** As its vendor counts. Changes with drains and reboots, so names a device only where nothing better does. */
  readonly index: number
  /** `GPU-...` or `MIG-...`; NVIDIA's only. */
  readonly uuid?: string
  /** `0000:e7:00.0`. */
  readonly pciAddress?: string
  /** `/dev/dri/renderD129`; AMD's and Intel's. */
  readonly renderNode?: string
  /** Numeric groups of the device files that the task needs, as the host says them. */
  readonly groupIds?: readonly number[]
}
