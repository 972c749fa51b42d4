import type { Admission } from '../../admission/admission.ts'
import type { Clock } from '../../core/clock.ts'
import type { IdSource } from '../../core/ids.ts'
import type { Log } from '../../core/log.ts'
import type { AssertSound, RuntimePolicy } from '../../engine/choose.ts'
import type { Engine, EngineProbe, SgxPaths } from '../../engine/engine.ts'
import type { ImageStore } from '../../images/image-store.ts'
import type { Instances } from '../../instance/instances.ts'
import type { Journal } from '../../journal/journal.ts'
import type { WebhookOutlet } from '../../webhooks/webhooks.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDefaults } from './execution-plan.ts'
import type { ExecutionWatcher } from './execution-watcher.ts'

/** One engine that executions can be run on, and what belongs to it. */
export interface ExecutionEngine {
  readonly engine: Engine
  readonly probe: EngineProbe
  readonly instances: Instances
  readonly images: ImageStore
}

/** Told which processes are ours, so that their use of the host is not taken for somebody else's. */
interface InstanceTracker {
  track(instanceId: string, pid: number): void
  untrack(instanceId: string): void
}

export interface ExecutionDeps {
  readonly executorId: string
  /** By the `type` of an `engineSpec`. */
  readonly engines: ReadonlyMap<string, ExecutionEngine>
  readonly admission: Admission
  readonly journal: Journal<ExecutionRecord>
  readonly tracker: InstanceTracker
  readonly clock: Clock
  /** Of this boot of the host. */
  readonly bootId: string
  readonly log: Log
  readonly newId: IdSource
  readonly runtimes: RuntimePolicy
  /** Absent where nothing is known of the engine's versions. */
  readonly assertSound?: AssertSound
  /** Undefined where none is offered. */
  readonly sgx: SgxPaths | undefined
  readonly defaults: ExecutionDefaults
  /** Which configuration is in force; absent where nobody counts them. */
  readonly configVersion?: () => number | undefined
  /** Where each execution has a folder for its log, scripts and results. Ours alone. */
  readonly folder: string
  /** On the same file system; ours alone. What lies in it is being removed. */
  readonly trash: string
  /** Host folders that no execution may mount: our own state, beside those that nobody may. */
  readonly privatePaths: readonly string[]
  /** How far apart looks at disk and network use are, at the least. */
  readonly watchPeriodMs: number
  /** Asked before a request is taken. @throws paused, draining; storage_full */
  readonly assertOpen?: () => Promise<void>
  /** Asked while uploads are received. @throws storage_full */
  readonly assertRoom?: () => Promise<void>
  /** Absent where there is no way to send any. */
  readonly webhooks?: {
    readonly outlet: WebhookOutlet
    /** What is told of one that has ended. */
    readonly event: (record: ExecutionRecord) => object
  }
  readonly watchers?: readonly ExecutionWatcher[]
  /** What it works with and nobody else: let go when it is closed. */
  readonly held?: AsyncDisposable
}
