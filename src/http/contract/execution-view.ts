import { z } from 'zod'
import { END_REASONS, type EndReason, EXECUTION_STATUSES, type ExecutionStatus } from '../../core/execution.ts'
import { GPU_VENDORS, type GpuVendor } from '../../core/gpu.ts'
import { type AskedView, askedView, configVersion, count, time } from './fields.ts'
import { type WebhookView, webhookView } from './webhook-view.ts'

// What /v1 answers about executions. Times are RFC 3339; sizes are bytes. A field that is not known yet is absent.

export interface ExecutionView {
  readonly id: string
  readonly job: string
  /** Whose it is. */
  readonly caller: string
  readonly status: ExecutionStatus
  readonly reason?: EndReason
  readonly message: string
  readonly attempt: number
  /** While it is queued, and asked for by itself: what it waits for, and its place among those that wait for resources. */
  readonly queue?: { readonly position?: number; readonly reason: string }
  /** While its image is fetched, and asked for by itself: bytes so far, and those of the layers that have begun. */
  readonly pull?: { readonly layers: number; readonly bytes: number; readonly total: number }
  /** Once it has ended; -1 when it could not be run, or ended in a way that has none. */
  readonly exitCode?: number
  readonly signal?: string
  readonly oomKilled: boolean
  readonly warnings: readonly string[]
  readonly times: Readonly<Partial<Record<TimeName, string>>>
  readonly resources: {
    readonly asked: AskedView
    readonly used: Readonly<Partial<Record<UsedName, number>>>
  }
  /** Those that it has, or had, for itself. */
  readonly gpus: readonly GpuView[]
  readonly image?: { readonly reference: string; readonly id: string; readonly digest?: string }
  readonly engine: string
  readonly isolation: string
  /** Whether it has the SGX device. */
  readonly sgx: boolean
  readonly ports: readonly PortView[]
  readonly logs: { readonly bytes: number; readonly truncated: boolean; readonly gaps: number }
  readonly outputs: readonly OutputView[]
  readonly labels: Readonly<Record<string, string>>
  /** Which configuration the node ran with when it was accepted; absent where that is not known. */
  readonly configVersion?: number
  /** Where it has one. */
  readonly webhook?: WebhookView
}

export type TimeName = 'accepted' | 'queued' | 'pulling' | 'creating' | 'running' | 'finalizing' | 'ended'

export type UsedName = 'cpuSeconds' | 'memoryPeak' | 'networkRx' | 'networkTx' | 'blockRead' | 'blockWrite'

interface GpuView {
  readonly uuid?: string
  readonly vendor: GpuVendor
  readonly model: string
}

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

/** What a command inside came to. */
export interface ExecView {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** The exact bytes, where they are no UTF-8. */
  readonly stdoutBase64?: string
  readonly stderrBase64?: string
  /** Whether more was printed than the first MiB, which is all that is told. */
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean }
}

/** What it uses now, and has used since it began. */
export interface StatsView {
  readonly time: string
  /** Percent of one core: 150 is one and a half. */
  readonly cpu: {
    readonly totalNs: number
    readonly kernelNs: number
    readonly userNs: number
    readonly percent: number
  }
  /** `limit` 0: none. */
  readonly memory: { readonly usage: number; readonly max: number; readonly limit: number }
  readonly network: { readonly rx: TrafficView; readonly tx: TrafficView }
  readonly blockIo: { readonly read: number; readonly write: number }
  readonly pids: number
}

interface TrafficView {
  readonly bytes: number
  readonly packets: number
  readonly errors: number
  readonly dropped: number
}

export const executionStatus: z.ZodType<ExecutionStatus> = z.enum(EXECUTION_STATUSES)

export const endReason: z.ZodType<EndReason> = z.enum(END_REASONS)

const used = z.object({
  cpuSeconds: z.number().min(0).exactOptional(),
  memoryPeak: count.exactOptional(),
  networkRx: count.exactOptional(),
  networkTx: count.exactOptional(),
  blockRead: count.exactOptional(),
  blockWrite: count.exactOptional(),
} satisfies Record<UsedName, z.ZodType>)

export const executionView: z.ZodType<ExecutionView> = z
  .object({
    id: z.string(),
    job: z.string(),
    caller: z.string(),
    status: executionStatus,
    reason: endReason.exactOptional(),
    message: z.string(),
    attempt: count,
    queue: z.object({ position: count.exactOptional(), reason: z.string() }).exactOptional(),
    pull: z.object({ layers: count, bytes: count, total: count }).exactOptional(),
    exitCode: z.int().min(-1).max(255).exactOptional(),
    signal: z.string().exactOptional(),
    oomKilled: z.boolean(),
    warnings: z.array(z.string()),
    times: z.object({
      accepted: time.exactOptional(),
      queued: time.exactOptional(),
      pulling: time.exactOptional(),
      creating: time.exactOptional(),
      running: time.exactOptional(),
      finalizing: time.exactOptional(),
      ended: time.exactOptional(),
    } satisfies Record<TimeName, z.ZodType>),
    resources: z.object({
      asked: askedView,
      used,
    }),
    gpus: z.array(z.object({ uuid: z.string().exactOptional(), vendor: z.enum(GPU_VENDORS), model: z.string() })),
    image: z.object({ reference: z.string(), id: z.string(), digest: z.string().exactOptional() }).exactOptional(),
    engine: z.string(),
    isolation: z.string(),
    sgx: z.boolean(),
    ports: z.array(z.object({ port: count, protocol: z.string(), hostIp: z.string(), hostPort: count })),
    logs: z.object({ bytes: count, truncated: z.boolean(), gaps: count }),
    outputs: z.array(z.object({ name: z.string(), path: z.string(), bytes: count, files: count, skipped: count })),
    labels: z.record(z.string(), z.string()),
    configVersion: configVersion.exactOptional(),
    webhook: webhookView.exactOptional(),
  })
  .meta({ id: 'Execution' })

export const executionPage: z.ZodType<ExecutionPage> = z
  .object({ executions: z.array(executionView), cursor: z.string().exactOptional() })
  .meta({ id: 'ExecutionPage' })

export const execView: z.ZodType<ExecView> = z
  .object({
    exitCode: z.int(),
    stdout: z.string(),
    stderr: z.string(),
    stdoutBase64: z.base64().exactOptional(),
    stderrBase64: z.base64().exactOptional(),
    truncated: z.object({ stdout: z.boolean(), stderr: z.boolean() }),
  })
  .meta({ id: 'ExecResult' })

const traffic = z.object({ bytes: count, packets: count, errors: count, dropped: count })

export const statsView: z.ZodType<StatsView> = z
  .object({
    time,
    cpu: z.object({ totalNs: count, kernelNs: count, userNs: count, percent: z.number().min(0) }),
    memory: z.object({ usage: count, max: count, limit: count }),
    network: z.object({ rx: traffic, tx: traffic }),
    blockIo: z.object({ read: count, write: count }),
    pids: count,
  })
  .meta({ id: 'Stats' })
