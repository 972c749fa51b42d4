import type { ExecutionInput, ExecutionRequest } from '../../core/execution-request.ts'
import type { GpuRequest } from '../../core/gpu.ts'
import type { Preset, PresetName } from '../../core/presets.ts'
import type { ProvisionScript } from '../../core/provision-script.ts'
import type { Resources } from '../../core/resources.ts'
import type { Isolation } from '../../core/task.ts'
import type { PortBinding, ProcessSpec, SandboxNetworkKind, SandboxProfile, SignalName } from '../../engine/engine.ts'

/** A request that was found good, in inside units, every default filled in. */
export interface ExecutionPlan {
  readonly executionId: string
  readonly jobId: string
  readonly callerId: string
  /** As it was asked, without `null`s. */
  readonly request: ExecutionRequest
  /** Which of the registered engines. */
  readonly engineType: string
  readonly image: string
  readonly process: ProcessSpec
  readonly resources: Resources
  /** What it asks of the GPUs that `resources` counts. */
  readonly gpus: readonly GpuRequest[]
  /** Undefined: the profile's. */
  readonly pidsLimit: number | undefined
  readonly diskBytes: number
  readonly isolation: Isolation
  readonly sgx: boolean
  readonly profile: SandboxProfile
  readonly preset: Preset | undefined
  readonly network: Exclude<SandboxNetworkKind, 'tasks'>
  readonly ports: readonly PortBinding[]
  readonly dnsServers: readonly string[]
  readonly inputs: readonly ExecutionInput[]
  readonly outputs: readonly { readonly path: string; readonly name: string }[]
  readonly resultsDir: string | undefined
  readonly provisionScripts: readonly ProvisionScript[]
  readonly priority: number
  readonly queueTimeoutMs: number
  readonly pullTimeoutMs: number
  /** Undefined: as long as it likes. */
  readonly timeoutMs: number | undefined
  readonly graceMs: number
  readonly stopSignal: SignalName
  readonly logBytes: number
  readonly outputBytes: number
  readonly outputFiles: number
  /** Another attempt may be made. */
  readonly isIdempotent: boolean
  readonly retentionMs: number
  /** Undefined: as long as the record. */
  readonly persistLogsMs: number | undefined
}

/** What an executor's owner decides for requests that do not say. */
export interface ExecutionDefaults {
  /** Demanded of every execution where it is `strict`. */
  readonly profile: SandboxProfile
  /** Granted to whoever asks for them. */
  readonly presets: readonly PresetName[]
  /** Addresses of this host on which ports may be published, in their canonical form. */
  readonly publishAddresses: readonly string[] | 'any'
  /** Whether executions may have the network `egress`, where the engine has it. Default: whatever the engine has. */
  readonly allowEgress?: boolean
  /** Executions that may wait for resources, in all and of one caller. */
  readonly queueLimit: number
  readonly callerQueueLimit: number
  readonly queueTimeoutMs: number
  readonly pullTimeoutMs: number
  readonly timeoutMs: number | undefined
  readonly diskBytes: number
  readonly retentionMs: number
  /** What those that have ended may have on disk together; beyond it the oldest go. Infinity when unlimited. */
  readonly retentionBytes: number
  /** Folders and files of this host that requests may name, by the names that they have for that. */
  readonly inputPresets: ReadonlyMap<string, InputPreset>
  /** What may be sent for one execution, and for all together. */
  readonly inputBytes: number
  readonly inputFiles: number
  readonly inputTotalBytes: number
}

interface InputPreset {
  readonly path: string
  /** Nobody gets more than to read it. */
  readonly isReadOnly: boolean
}
