import type { TerminalStatus } from './execution.ts'
import type { GpuRequest } from './gpu.ts'
import type { ProvisionScript } from './provision-script.ts'
import type { Isolation } from './task.ts'

/**
 * One run of a task to its end, as a caller asks for it. Only `engineSpec` or `image` is needed. Absent fields have the
 * defaults named here, or the executor's.
 */
export interface ExecutionRequest {
  /** `^[a-z0-9][a-z0-9-]{0,62}$`. Default: random. */
  readonly executionId?: string
  /** What it belongs to; the same form. Default: the execution's id. */
  readonly jobId?: string
  /** Who asks. Default: `local`. */
  readonly callerId?: string
  /** Which engine, and in its own words what to run; `docker` and `fake` take `TaskParams`. */
  readonly engineSpec: EngineSpec
  readonly resources?: ExecutionResources
  /** Default: `container`. */
  readonly isolation?: Isolation
  /** It gets the SGX device and the folder of the aesmd socket; for a `container` only. Default: false. */
  readonly sgx?: boolean
  /** Default: `standard`, or what the executor demands. */
  readonly profile?: 'standard' | 'strict'
  /** What it gets beyond `strict`, by a name that the executor's owner grants. See `PRESETS`. */
  readonly preset?: string
  /** Default: `none`. */
  readonly network?: 'none' | 'internal' | 'egress'
  /** Needs a network. Default: none. */
  readonly portsToBind?: readonly PortRequest[]
  /** First DNS server, an IP address. Needs a network. */
  readonly gatewayIp?: string
  /** Folders and files to mount. */
  readonly inputs?: readonly ExecutionInput[]
  /** What to bring into the results folder after the end. */
  readonly outputs?: readonly OutputRequest[]
  /** Absolute; made when absent. Default: a folder of the executor's own, which goes with the record. */
  readonly resultsDir?: string
  /** Run before the job, in this order, in its sandbox and as its user; the first that fails ends it. */
  readonly provisionScripts?: readonly ProvisionScript[]
  /** -100 to 100: the higher comes first. Default: 0. */
  readonly priority?: number
  readonly queueTimeoutMs?: number
  readonly pullTimeoutMs?: number
  /** How long it may run. Default: the executor's; none unless that says so. */
  readonly timeoutMs?: number
  /** Between the stop signal and SIGKILL. Default: 10,000. */
  readonly graceMs?: number
  /** Default: the image's, else SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  readonly limits?: {
    /** Output of both streams to keep, half from the beginning and half from the end. Default: 2 MiB. */
    readonly logBytes?: number
    /** All outputs together, in bytes as they are on the disk. Default: 1 GiB. */
    readonly outputBytes?: number
    /** Files and folders in all outputs together. Default: 10,000. */
    readonly outputFiles?: number
  }
  /**
   * It may be run more than once: when the engine, the host or what runs it for the engine fails under it, there is another
   * attempt, 10 in all. Default: false, and it is run once at most.
   */
  readonly idempotent?: boolean
  /** How long the record, log and results are kept after the end. Default: 24 h. */
  readonly retentionMs?: number
  /** How long `stdout.log` and `stderr.log` stay in the results folder. Default: as long as the record. */
  readonly persistLogsMs?: number
  /** Who is to be told, by HTTP, how it has ended. For nodes only. */
  readonly webhook?: WebhookRequest
  /** For the caller's own use; keys `^[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}$`, none in `dev.errand.` or `com.docker.`. */
  readonly labels?: Readonly<Record<string, string>>
}

export interface WebhookRequest {
  /** `http` or `https`, at a host that the node's owner allows. */
  readonly url: string
  /** Which ends are told. Default: all. */
  readonly events?: readonly TerminalStatus[]
}

export interface EngineSpec {
  readonly type: string
  readonly params: Readonly<Record<string, unknown>>
}

/** The `params` of engines that run images. Names as on the NuNet wire. */
export interface TaskParams {
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  /** `K=V` each. */
  readonly environment?: readonly string[]
  readonly working_directory?: string
  readonly user?: string
}

/** A field that is absent or zero has its default. */
export interface ExecutionResources {
  /** Cores, in steps of 0.1. Default: 1. */
  readonly cpu?: number
  /** Memory and swap together. Default: 128 MiB. */
  readonly memoryBytes?: number
  /** What it may write to its root file system. Default: the executor's. */
  readonly diskBytes?: number
  /** Processes and threads. Default: 256; 128 under `strict`. */
  readonly pids?: number
  readonly gpus?: readonly GpuRequest[]
}

export interface PortRequest {
  readonly executorPort: number
  /** Default: 0, any that is free. */
  readonly hostPort?: number
  /** Default: 127.0.0.1. */
  readonly ip?: string
  /** Default: `tcp`. */
  readonly protocol?: 'tcp' | 'udp'
}

export type ExecutionInput = InputMount | PresetInput | UploadInput

/** A folder or file of this host. */
export interface InputMount {
  readonly type: 'bind'
  /** An absolute, clean path on this host; no link in it. */
  readonly source: string
  readonly target: string
  /** Default: true. */
  readonly readOnly?: boolean
}

/** A folder or file of this host by the name that its operator gave it. */
export interface PresetInput {
  readonly type: 'preset'
  readonly preset: string
  readonly target: string
  /** Default: true. False only where the operator allows it. */
  readonly readOnly?: boolean
}

/** A folder or file that is sent after the request, and before it starts. For nodes only. */
export interface UploadInput {
  readonly type: 'upload'
  /** `^[a-zA-Z0-9][a-zA-Z0-9._-]{0,126}$`. */
  readonly upload: string
  readonly target: string
  /** Default: true. What it changes is gone with the execution. */
  readonly readOnly?: boolean
}

export interface OutputRequest {
  /** Absolute, inside the sandbox. A path that is not there is a warning. */
  readonly path: string
  /** Its name in the results folder. Default: the last part of `path`. */
  readonly name?: string
}
