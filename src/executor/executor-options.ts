import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { presetNames } from '../core/presets.ts'
import { MIB, parseCores } from '../core/resources.ts'
import type { RuntimePolicy } from '../engine/choose.ts'
import type { SgxPaths } from '../engine/engine.ts'
import type { ImageOptions } from '../images/open-images.ts'
import { DISK_PERIOD_MS } from '../instance/disk-watch.ts'
import type { ExecutionDefaults } from '../service/executions/execution-plan.ts'

/** How an executor works. Only `id` is needed. Times are milliseconds. */
export interface ExecutorOptions {
  /** `^[a-z0-9][a-z0-9-]{0,62}$`. Executors with different ids never see each other's work. */
  readonly id: string
  /**
   * Where it keeps its identity, logs and results; for one process at a time. Default:
   * `/var/lib/errand/executors/ID` for root, else `~/.local/state/errand/executors/ID`.
   */
  readonly stateDir?: string
  /** The share of the machine that it may lease out. Default: all cores, and 80 % of the memory. */
  readonly resources?: { readonly cpu?: number; readonly memoryBytes?: number; readonly cpuOvercommit?: number }
  /** Whether the real host must have room, too. Default: `memory`. */
  readonly hostCheck?: 'full' | 'memory' | 'none'
  /** For requests that do not say. */
  readonly defaults?: Partial<ExecutionDefaults>
  readonly images?: Partial<Omit<ImageOptions, 'folder'>>
  /** Default: `runsc` for gVisor where the engine has it, none for a micro-VM. */
  readonly runtimes?: Partial<RuntimePolicy>
  /** What executions that ask for SGX get of this host. Default: they are refused. */
  readonly sgx?: SgxPaths
  /** How far apart looks at disk use are. Default: 5,000. */
  readonly watchPeriodMs?: number
  readonly log?: Log
  readonly clock?: Clock
}

/** Every option filled in. */
export interface ExecutorSettings {
  readonly stateDir: string
  readonly capacity: (host: HostCapacity) => HostCapacity
  readonly cpuOvercommit: number
  readonly hostCheck: 'full' | 'memory' | 'none'
  readonly defaults: ExecutionDefaults
  readonly images: Omit<ImageOptions, 'folder'>
  readonly runtimes: RuntimePolicy
  readonly sgx: SgxPaths | undefined
  readonly watchPeriodMs: number
}

interface HostCapacity {
  readonly cpuMillis: number
  readonly memoryBytes: number
}

const MEMORY_SHARE = 0.8
const DAY_MS = 86_400_000

/** As a node has them, but for what only a node needs, or refuses to strangers. */
const DEFAULTS: ExecutionDefaults = {
  profile: 'standard',
  // Who embeds an executor is its operator.
  presets: presetNames(),
  publishAddresses: 'any',
  queueLimit: 1000,
  callerQueueLimit: 1000,
  queueTimeoutMs: DAY_MS,
  pullTimeoutMs: 1_800_000,
  timeoutMs: undefined,
  diskBytes: 10_240 * MIB,
  retentionMs: DAY_MS,
  retentionBytes: Infinity,
  inputPresets: new Map(),
  // Nothing can be sent to an executor that is no node's.
  inputBytes: 0,
  inputFiles: 0,
  inputTotalBytes: 0,
}

/** As a node has them. */
const IMAGES: Omit<ImageOptions, 'folder'> = {
  pull: 'ifNotPresent',
  pullTimeoutMs: 300_000,
  noProgressTimeoutMs: 120_000,
  allow: ['**'],
  privateRegistries: [],
  minFreeBytes: 1024 * MIB,
  gcHighPercent: 85,
  gcLowPercent: 80,
  gcMinAgeMs: 120_000,
  registryConfig: join(homedir(), '.docker', 'config.json'),
}

/** @throws validation_failed */
export function settingsOf(options: ExecutorOptions): ExecutorSettings {
  const { id, resources = {}, runtimes } = options
  const { cpu, memoryBytes, cpuOvercommit = 1 } = resources
  if (!(cpuOvercommit >= 1)) throw new ErrandError('validation_failed', 'resources.cpuOvercommit: must be 1 or more')
  const cpuMillis = cpu === undefined ? undefined : parseCores(cpu)
  return {
    stateDir: options.stateDir ?? defaultStateDir(id),
    capacity: (host) => ({
      cpuMillis: Math.min(cpuMillis ?? Infinity, host.cpuMillis),
      memoryBytes: Math.min(memoryBytes ?? Infinity, Math.floor(host.memoryBytes * MEMORY_SHARE)),
    }),
    cpuOvercommit,
    hostCheck: options.hostCheck ?? 'memory',
    defaults: { ...DEFAULTS, ...options.defaults },
    images: { ...IMAGES, ...options.images },
    runtimes: { microVmRuntime: undefined, gvisorRuntime: 'runsc', allowUnenforced: new Set(), ...runtimes },
    sgx: options.sgx,
    watchPeriodMs: options.watchPeriodMs ?? DISK_PERIOD_MS,
  }
}

function defaultStateDir(id: string): string {
  const base = process.getuid?.() === 0 ? '/var/lib/errand' : join(homedir(), '.local', 'state', 'errand')
  return join(base, 'executors', id)
}
