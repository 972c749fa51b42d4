import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { MIB } from '../../core/resources.ts'
import type { EngineProbe, RuntimeProbe } from '../engine.ts'
import type { FakeMethod } from './fake-script.ts'

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

/** What takes an ability that an engine may lack. */
const NEEDED: Partial<Record<FakeMethod, 'canPause' | 'canExec' | 'canCollect'>> = {
  pause: 'canPause',
  resume: 'canPause',
  exec: 'canExec',
  collect: 'canCollect',
}

/** What a fake engine says of itself: what it can do, which tests may change, and since when it runs. */
export class FakeProbe {
  readonly #clock: Clock
  #abilities: EngineProbe
  #startedMs: number

  constructor(clock: Clock, abilities: Partial<EngineProbe> = {}) {
    this.#clock = clock
    this.#abilities = { ...PROBE, ...abilities }
    this.#startedMs = clock.wallMs()
  }

  get now(): EngineProbe {
    return { startedMs: this.#startedMs, ...this.#abilities }
  }

  change(abilities: Partial<EngineProbe>): void {
    this.#abilities = { ...this.#abilities, ...abilities }
  }

  /** It is another run of it from now on, later than the one before on a clock that stands, too. */
  restart(): void {
    this.#startedMs = Math.max(this.#startedMs + 1, this.#clock.wallMs())
  }

  /** @throws unsupported where it says that it cannot do that */
  assertCan(method: FakeMethod): void {
    const ability = NEEDED[method]
    if (ability === undefined || this.#abilities[ability]) return
    throw new ErrandError('unsupported', `this engine does not have the ability ${ability}`)
  }
}
