import type { Clock } from '../../core/clock.ts'
import { MIB } from '../../core/resources.ts'
import type { EngineProbe, RuntimeProbe } from '../engine.ts'
import type { FakeScript } from './fake-script.ts'

export interface FakeEngineOptions {
  /** Delays and readiness pass on it. Default: the system's clock. */
  readonly clock?: Clock
  /** Images on the host, by reference. */
  readonly images?: Readonly<Record<string, FakeScript>>
  /** What `probe` answers, where it is to differ from a 4-core host of 8 GiB with the runtime `runc` that can do everything. */
  readonly probe?: Partial<EngineProbe>
  /** Output that is kept of each sandbox; older output is dropped. Default: 20 MiB, as our Docker containers have it. */
  readonly keptOutputBytes?: number
}

const RUNC: RuntimeProbe = { enforcesLimits: true, hasUnixSocket: false }

/** A host that can do everything. */
export const PROBE: EngineProbe = {
  version: 'fake',
  outlivesRestart: true,
  cpuCores: 4,
  memoryBytes: 8192 * MIB,
  canPause: true,
  canExec: true,
  canCollect: true,
  canMount: true,
  findsOwnFiles: true,
  canPublish: true,
  canLimitDisk: true,
  networks: new Set(['tasks', 'none', 'internal', 'egress']),
  runtimes: new Map([['runc', RUNC]]),
  defaultRuntime: 'runc',
  warnings: [],
}
