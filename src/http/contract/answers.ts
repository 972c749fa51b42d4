import type { ErrorCode, ErrorDetails } from '../../core/errors.ts'
import type { EndReason, ExecutionStatus } from '../../core/execution.ts'

// What /v1 answers. Times are RFC 3339; sizes are bytes. A field that is not known yet is absent.

/** RFC 9457, as `application/problem+json`. */
export interface Problem {
  /** Of the status; the kind of a problem is its `code`. */
  readonly title: string
  readonly status: number
  /** For people. */
  readonly detail: string
  readonly code: ErrorCode
  readonly details: ErrorDetails
  /** Milliseconds to wait before another attempt; absent when another attempt will not help. */
  readonly retryAfterMs?: number
}

export interface ExecutionView {
  readonly id: string
  readonly job: string
  /** Whose it is. */
  readonly caller: string
  readonly status: ExecutionStatus
  readonly reason?: EndReason
  readonly message: string
  readonly attempt: number
  /** Once it has ended; -1 when it could not be run, or ended in a way that has none. */
  readonly exitCode?: number
  readonly signal?: string
  readonly oomKilled: boolean
  readonly warnings: readonly string[]
  readonly times: Readonly<Partial<Record<TimeName, string>>>
  readonly resources: {
    readonly asked: {
      /** Cores. */
      readonly cpu: number
      readonly memory: number
      readonly disk: number
      readonly gpus: number
      readonly pids?: number
    }
    readonly used: Readonly<Partial<Record<UsedName, number>>>
  }
  readonly image?: { readonly reference: string; readonly id: string; readonly digest?: string }
  readonly engine: string
  readonly isolation: string
  readonly ports: readonly PortView[]
  readonly logs: { readonly bytes: number; readonly truncated: boolean; readonly gaps: number }
  readonly outputs: readonly OutputView[]
  readonly labels: Readonly<Record<string, string>>
}

export type TimeName = 'accepted' | 'queued' | 'pulling' | 'creating' | 'running' | 'finalizing' | 'ended'

export type UsedName = 'cpuSeconds' | 'memoryPeak' | 'networkRx' | 'networkTx' | 'blockRead' | 'blockWrite'

interface PortView {
  readonly port: number
  readonly protocol: string
  readonly hostIp: string
  readonly hostPort: number
}

interface OutputView {
  readonly name: string
  readonly path: string
  readonly bytes: number
  readonly files: number
  readonly skipped: number
}

/** The youngest first. `cursor` asks for the next page; absent on the last one. */
export interface ExecutionPage {
  readonly executions: readonly ExecutionView[]
  readonly cursor?: string
}

/** One line of NDJSON, or the data of one event. */
export interface LogLine {
  readonly seq: number
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** As text; absent for a gap. */
  readonly data?: string
  /** The exact bytes, where they are no UTF-8. */
  readonly base64?: string
  /** In place of output that is not here: up to `untilSeq`, so many bytes if that is known. */
  readonly gap?: { readonly cause: 'limit' | 'missed'; readonly untilSeq: number; readonly bytes?: number }
}

/** The data of one event of `GET /v1/events`. */
export interface EventView {
  readonly seq: number
  readonly time: string
  readonly execution: string
  readonly status: ExecutionStatus
  readonly reason?: EndReason
}

/** The rest is absent while the node takes no work. */
export interface NodeView {
  readonly node: string
  readonly state: 'serving' | 'paused' | 'draining'
  readonly host?: {
    readonly cpu: number
    readonly memory: number
    /** Shares in use by anybody, 0 to 1. */
    readonly cpuUsed: number
    readonly memoryUsed: number
  }
  /** What work may take in all, and what it holds of that. */
  readonly offered?: ResourcesView
  readonly leased?: ResourcesView
}

export interface ResourcesView {
  readonly cpu: number
  readonly memory: number
  readonly gpus: number
}
