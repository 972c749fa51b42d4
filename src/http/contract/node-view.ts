import { z } from 'zod'
import { configVersion, count, time } from './fields.ts'

export interface NodeView {
  readonly node: string
  /** `draining` once it stops. */
  readonly state: 'serving' | 'paused' | 'draining'
  readonly versions: { readonly errand: string; readonly node: string }
  readonly host: {
    readonly cpu: number
    readonly memory: number
    /** Shares in use by anybody, 0 to 1. */
    readonly cpuUsed: number
    readonly memoryUsed: number
  }
  /** What work may take in all, and what it holds of that. */
  readonly offered: ResourcesView
  readonly leased: ResourcesView
  /** Those that have not ended. */
  readonly executions: { readonly waiting: number; readonly running: number }
  readonly engines: readonly EngineView[]
  readonly isolations: readonly IsolationView[]
  /** Shortcomings of this host that its owner should know. */
  readonly warnings: readonly string[]
}

export interface ResourcesView {
  readonly cpu: number
  readonly memory: number
  readonly gpus: number
}

interface EngineView {
  readonly name: string
  readonly version: string
  /** Sandboxes run on while it is restarted. */
  readonly outlivesRestart: boolean
  readonly runtimes: readonly { readonly name: string; readonly enforcesLimits: boolean; readonly default: boolean }[]
}

interface IsolationView {
  readonly isolation: string
  readonly available: boolean
  /** What stands behind it. */
  readonly runtime?: string
  /** `cpu`, `memory`, `pids`: the limits that do not bind there. */
  readonly unenforced?: readonly string[]
  /** Why there is none. */
  readonly refusal?: string
}

/** What the node's owner grants, and which configuration of the node that makes. */
export interface NodeConfigView {
  /** Cores. */
  readonly cpu: number
  readonly memory: number
  /** How long an idle warm instance is kept. */
  readonly keepAliveMs: number
  /** Of all that the node runs with, from 1; what its journal cannot keep has none. */
  readonly version?: number
  /** SHA-256 of it as canonical JSON, in hexadecimal. */
  readonly hash?: string
  /** Since when. */
  readonly since?: string
}

/** All that the node ran with under one version. */
export interface ConfigVersionView {
  readonly version: number
  readonly hash: string
  readonly since: string
  /** Without secrets: those are in files. In the units of the node, and open to change. */
  readonly config: Readonly<Record<string, unknown>>
}

export const resourcesView: z.ZodType<ResourcesView> = z.object({ cpu: z.number().min(0), memory: count, gpus: count })
const share = z.number().min(0).max(1)

export const nodeView: z.ZodType<NodeView> = z
  .object({
    node: z.string(),
    state: z.enum(['serving', 'paused', 'draining']),
    versions: z.object({ errand: z.string(), node: z.string() }),
    host: z.object({ cpu: z.number().min(0), memory: count, cpuUsed: share, memoryUsed: share }),
    offered: resourcesView,
    leased: resourcesView,
    executions: z.object({ waiting: count, running: count }),
    engines: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        outlivesRestart: z.boolean(),
        runtimes: z.array(z.object({ name: z.string(), enforcesLimits: z.boolean(), default: z.boolean() })),
      }),
    ),
    isolations: z.array(
      z.object({
        isolation: z.string(),
        available: z.boolean(),
        runtime: z.string().exactOptional(),
        unenforced: z.array(z.string()).exactOptional().describe('Limits that do not bind: `cpu`, `memory`, `pids`.'),
        refusal: z.string().exactOptional(),
      }),
    ),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Node' })

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256 of all that the node runs with, as canonical JSON without secrets.')
const since = time.describe('When it began to run with that.')

export const configVersionView: z.ZodType<ConfigVersionView> = z
  .object({
    version: configVersion,
    hash,
    since,
    config: z
      .record(z.string(), z.unknown())
      .describe(
        'All that the node runs with, in its own units. Its keys may change from one version of Errand to the next.',
      ),
  })
  .meta({ id: 'ConfigVersion' })

export const nodeConfigView: z.ZodType<NodeConfigView> = z
  .object({
    cpu: z.number().min(0),
    memory: count,
    keepAliveMs: count,
    version: configVersion.exactOptional(),
    hash: hash.exactOptional(),
    since: since.exactOptional(),
  })
  .meta({ id: 'NodeConfig' })
