import type { Clock } from '../../core/clock.ts'
import type { EngineProbe } from '../engine.ts'
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
