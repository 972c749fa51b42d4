import type { Endpoint } from '../core/endpoint.ts'
import type { InstanceState } from '../core/instance-state.ts'
import type { Resources } from '../core/resources.ts'
import type { Readiness, TaskKey } from '../core/task.ts'
import type { DiskUsage, SandboxSpec } from '../engine/engine.ts'
import type { HeldImage } from '../images/image-store.ts'
import type { Lease } from '../resources/ledger.ts'
import type { StartPhases } from './start-phases.ts'

/** One live sandbox that serves requests. Whoever launched it stops it; stopping frees all it holds on the host. */
export interface Instance {
  readonly id: string
  readonly state: InstanceState
  /** Where its server answers. Reachable from this host only. */
  readonly endpoint: Endpoint
  /** Process id on the host, where the engine tells. */
  readonly pid: number | undefined
  /** What it was made from. Whoever launched it holds the image until it is gone. */
  readonly image: InstanceImage
  /** What its lease holds of the node. */
  readonly resources: Resources
  /** Resolves as soon as its processes are known to have ended: from then on its address may be another's. Never rejects. */
  readonly ended: Promise<void>
  /** Resolves when it is also known how they ended, whatever the cause. Never rejects. */
  readonly exited: Promise<InstanceExit>
  /** Resolves when the engine has confirmed that nothing of it is left, and its lease is released. Never rejects. */
  readonly gone: Promise<void>
  /** SIGTERM, then SIGKILL after `graceMs`, then removal; resolves with `gone`. A later call can only shorten the grace. */
  stop(graceMs: number): Promise<void>
}

export type InstanceImage = Pick<HeldImage, 'id' | 'digest' | 'isStale'>

export interface InstanceExit {
  /** Undefined when the sandbox was removed behind our back. */
  readonly exitCode: number | undefined
  readonly isOomKilled: boolean
  /** True when we told it to stop: nothing went wrong. */
  readonly wasStopped: boolean
  /** What it had written, where we ended it for that. */
  readonly overrun?: DiskOverrun
  /** The end of its output, at most `LOG_TAIL_BYTES`. */
  readonly log: string
}

/** More than its limit; at least this much, for counting ends soon after the limit. */
export interface DiskOverrun {
  readonly used: DiskUsage
  readonly limit: DiskUsage
}

/** What callers get to see of a failed task's log. */
export const LOG_TAIL_BYTES = 4096

export interface InstancePlan {
  readonly id: string
  /** Of the task that it is of. */
  readonly key: TaskKey
  /** A digest of everything that shapes it, for a later process to compare with what it would make. */
  readonly setup: string
  readonly image: InstanceImage
  readonly spec: SandboxSpec
  readonly readiness: Readiness
  /** What it may write to its root file system. */
  readonly diskBytes: number
  /** From the moment the engine is first asked until it is ready. */
  readonly startTimeoutMs: number
  /** Owned by the instance from the call of `launch` on. */
  readonly lease: Lease
  readonly phases: StartPhases
}

/** A step that is about to be taken with the engine. */
export interface Intent {
  readonly step: 'create' | 'start' | 'stop' | 'remove'
  readonly name: string
}
