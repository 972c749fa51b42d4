import type { Caller } from '../core/caller.ts'
import type { Cancellation } from '../core/cancellation.ts'
import type { Resources } from '../core/resources.ts'
import type { Isolation, Task, TaskKey } from '../core/task.ts'
import type { EngineProbe, LimitName } from '../engine/engine.ts'
import type { AnswerSink, StreamedRequest } from '../forward/stream-exchange.ts'
import type { ConfigVersion, KeptConfig } from '../journal/config-journal.ts'
import type { WarmInstance } from '../warm/roster.ts'
import type { NodeState } from './gate.ts'

/** What the HTTP faces, the command line and embedders can ask of a node. */
export interface NodeApi {
  /**
   * Answers one request with an instance of the task, warm or started for it.
   * @throws ErrandError: every way in which the node, not the task, failed. A task's own error status is an answer.
   */
  invoke(invocation: Invocation, cancellation: Cancellation): Promise<TaskAnswer>
  /**
   * Passes one request through to an instance of the task, and its answer to `sink`, both as they come.
   * @throws as `invoke`; what the sink has got by then is not whole
   */
  forward(forwarding: Forwarding, sink: TaskSink, cancellation: Cancellation): Promise<void>
  /** Every warm instance, those that are leaving included. */
  instances(): readonly WarmInstance[]
  /** Lends it no more, and removes it when it has answered what it is answering. Idempotent. @throws not_found */
  removeInstance(id: string): void
  /**
   * Refuses new invocations, waits for those accepted as long as they take, removes every warm instance.
   * Idempotent. @throws cancelled when `unpause` or `stop` came meanwhile
   */
  pause(): Promise<void>
  /** Takes work again. Idempotent. @throws draining once the node stops */
  unpause(): Promise<void>
  /**
   * Replaces the owner's grant as a whole. @throws validation_failed unless paused, or when a value cannot be;
   * storage_full, storage_error when the journal cannot keep it: then nothing has changed
   */
  reconfigure(grant: Grant): Promise<Grant>
  /**
   * Replaces what it names of the owner's grant, whatever the state; what runs is not touched. Resolves with the whole.
   * `assertCurrent` is asked what is in force just before; when it throws, nothing changes.
   * @throws storage_full, storage_error when the journal cannot keep it: then nothing has changed
   */
  adjust(change: GrantChange, assertCurrent?: (config: NodeConfig) => void): Promise<NodeConfig>
  /** What is in force now. */
  readonly config: NodeConfig
  /** All that it ran with under that version. @throws not_found for one that is not kept, or not any more */
  loadConfig(version: number): Promise<KeptConfig>
  /** @throws paused while it is */
  stats(): NodeStats
  /** What the node is and has, in any state. */
  describe(): NodeDescription
  /** Refuses new work, gives requests in flight 22 s, removes every instance. Idempotent; never rejects. */
  stop(): Promise<void>
}

/** One request for a task. */
export interface Invocation {
  readonly caller: Caller
  readonly task: Task
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: string
}

export type { StreamedRequest }

/** One request that is passed through. */
export interface Forwarding {
  /** Of the task, and of whose it is. */
  readonly key: TaskKey
  readonly task: Task
  readonly request: StreamedRequest
}

export interface TaskSink extends AnswerSink {
  /** Which instance is asked; before anything of its answer, and again when another one is asked instead. */
  from(instanceId: string): void
}

/** What the task answered, whatever its status. */
export interface TaskAnswer {
  readonly status: number
  readonly body: Buffer
  /** The same body in the pieces in which it was gathered; `body` then joins them when it is asked for. */
  readonly pieces?: readonly Buffer[]
}

/** The part of the configuration that its owner may change while the node is paused. */
export interface Grant {
  /** Offered to tasks, in thousandths of a core; never above the host's cores. */
  readonly cpuMillis: number
  /** Offered to tasks; never above 80 % of the host's memory. */
  readonly memoryBytes: number
  /** How long an idle instance is kept. */
  readonly keepAliveMs: number
  readonly hasGpu: boolean
  /** OCI runtime that stands for `microVM`; undefined when there is none. */
  readonly microVmRuntime: string | undefined
}

/** What may be changed at run time, and which configuration that makes. */
export interface NodeConfig {
  readonly grant: Grant
  /** Of everything that the node runs with; undefined as long as the journal could not keep it. */
  readonly kept: ConfigVersion | undefined
}

/** What may be changed while work goes on. Units as in `Grant`. */
export type GrantChange = Partial<Pick<Grant, 'cpuMillis' | 'memoryBytes' | 'keepAliveMs'>>

export interface NodeDescription {
  /** `draining` once it stops. */
  readonly state: NodeState
  readonly resources: Omit<NodeStats, 'gpuModel'>
  readonly engine: { readonly name: string; readonly probe: EngineProbe }
  readonly isolations: readonly IsolationOffer[]
  /** What an operator should know, one sentence each. */
  readonly warnings: readonly string[]
}

/** Whether tasks can have an isolation here. */
export interface IsolationOffer {
  readonly isolation: Isolation
  /** The OCI runtime behind it; undefined when there is none. */
  readonly runtime: string | undefined
  /** Why there is none; undefined when there is. */
  readonly refusal: string | undefined
  /** Which limits do not bind there, though the operator accepts that; none where there is no runtime. */
  readonly unenforced: readonly LimitName[]
}

export interface NodeStats {
  readonly host: {
    readonly cpuMillis: number
    readonly memoryBytes: number
    /** Share in use by anybody, 0 to 1. */
    readonly cpuUsed: number
    readonly memoryUsed: number
  }
  /** What tasks may take in all. */
  readonly offered: Resources
  /** What instances hold of it. */
  readonly leased: Resources
  readonly gpuModel: string
}
