import type { PresetName } from '../../core/presets.ts'
import type { Readiness } from '../../core/task.ts'
import type { RuntimePolicy } from '../../engine/choose.ts'
import type { ListenerConfig } from '../../http/listener-config.ts'
import type { ImageOptions } from '../../images/open-images.ts'
import type { ExecutionDefaults } from '../../service/executions/execution-plan.ts'
import type { InvocationLimits } from '../../service/invocations/invocation-limits.ts'
import type { Grant } from '../../service/node-api.ts'
import type { WebhookRule } from '../../webhooks/webhook-policy.ts'
import type { Fault } from '../faults/fault.ts'

/** The effective configuration, checked and in inside units. What each key means: `docs/configuration.md`. */
export interface Config {
  /** As its owner wrote it: not yet capped at what the host has. */
  readonly grant: Grant
  readonly sgx: { readonly isEnabled: boolean; readonly devicePath: string; readonly aesmdPath: string }
  /** At least one. */
  readonly listeners: readonly ListenerConfig[]
  /** Lower case, without ports. */
  readonly allowedHosts: readonly string[]
  /** The tokens of `v1`; need not exist. */
  readonly auth: { readonly tokensFile: string }
  /** This node's name: an id of at most 30 characters. */
  readonly node: string
  readonly stateDir: string
  readonly runDir: string
  readonly docker: {
    /** The path of the Engine's unix socket. Over TCP an Engine is open to whoever reaches it, so that is not offered. */
    readonly socketPath: string
    /** Used as it is; undefined for a network of our own. */
    readonly network: string | undefined
    /** A Docker config file, which need not exist. */
    readonly registryConfig: string
  }
  readonly images: Omit<ImageOptions, 'registryConfig' | 'folder'>
  readonly tasks: {
    readonly readiness: Readiness
    readonly startTimeoutMs: number
    readonly requestTimeoutMs: number
    readonly queueTimeoutMs: number
    readonly maxRequestBytes: number
    readonly maxResponseBytes: number
    /** Requests at once per instance; Infinity when unlimited. */
    readonly concurrency: number
    readonly queueLimit: number
    /** What an instance may write to its root file system. */
    readonly diskBytes: number
    readonly network: 'egress' | 'internal'
    /** What images get beyond their profile, by globs over full names; the first that fits counts. */
    readonly presets: readonly { readonly glob: string; readonly preset: PresetName }[]
    /** What a server prints once it is ready, where its task waits for that. */
    readonly readyMark: string
    readonly hostAccess: 'deny' | 'allow'
    readonly privateNetworks: 'deny' | 'allow'
  }
  readonly executions: ExecutionDefaults & {
    /** Whether they may ask for a way out of this host. */
    readonly allowEgress: boolean
    /** New ones are refused while a disk has less; undefined for a tenth of each, and no more than 5 GiB. */
    readonly minFreeBytes: number | undefined
  }
  /** Requests to named tasks that are answered later. */
  readonly invocations: InvocationLimits
  readonly webhooks: {
    /** None: there are no webhooks. */
    readonly allow: readonly WebhookRule[]
    /** Addresses and networks that may be connected to although they are not public. */
    readonly privateAddresses: readonly string[]
    /** Made where it is needed and not there. */
    readonly secretFile: string
    readonly timeoutMs: number
    readonly giveUpAfterMs: number
  }
  /** How long a stop waits for executions that run; 0: not at all. */
  readonly drainTimeoutMs: number
  /** But for the runtime that stands for `microvm`, which the grant has. */
  readonly isolation: Omit<RuntimePolicy, 'microVmRuntime'> & {
    /** Work under the profile `strict` is taken although versions of the engine are known for holes. */
    readonly allowKnownHoles: boolean
  }
  readonly resources: {
    /** Multiplies the cores on offer; at least 1. */
    readonly cpuOvercommit: number
    readonly hostCheck: 'full' | 'memory' | 'none'
  }
  /** Undefined where nothing is to be traced. */
  readonly tracing:
    | {
        /** Where spans are posted to, OTLP over HTTP. */
        readonly url: string
        /** Of traces that begin here, 0 to 1. */
        readonly sampleRatio: number
        /** Headers for the collector, which may be secrets. */
        readonly headersFile: string | undefined
      }
    | undefined
  readonly log: {
    readonly level: LogLevel
    /** Whether each request is logged. */
    readonly hasAccessLog: boolean
  }
  /** Restores the original's behaviour where ours differs: an error status of a task counts as success. */
  readonly isMecaStrict: boolean
  /** For tests of crashes. Absent in earnest. */
  readonly fault?: Fault
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
