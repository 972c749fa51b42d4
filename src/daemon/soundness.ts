import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { AssertSound } from '../engine/choose.ts'
import type { Engine, EngineProbe } from '../engine/engine.ts'
import { untilAnswered } from '../engine/until-answered.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { allHoles, type EngineMade, holesFor, lookAtEngineMade, whereRefused } from './doctor/engine-made.ts'
import type { HostLook } from './doctor/host-look.ts'
import type { Hole } from './doctor/version-gates.ts'

export interface SoundnessDeps {
  readonly engine: Pick<Engine, 'probe'>
  readonly look: Pick<HostLook, 'ask'>
  readonly clock: Clock
  readonly log: Log
  /** What the network of warm tasks is. */
  readonly tasksNetwork: 'internal' | 'egress'
  /** The operator takes work under `strict` all the same. */
  readonly allowKnownHoles: boolean
}

/** Keeps work under the profile `strict` off an engine whose versions are known for holes that would expose it. */
export class Soundness implements AsyncDisposable {
  readonly #deps: SoundnessDeps
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()
  #made: EngineMade
  #warnings: readonly string[] = []

  private constructor(made: EngineMade, deps: SoundnessDeps) {
    this.#made = made
    this.#deps = deps
    this.#tell()
  }

  static async open(probe: EngineProbe, deps: SoundnessDeps): Promise<Soundness> {
    return new Soundness(await lookAtEngineMade(probe, deps.look), deps)
  }

  /** One sentence for each hole that matters here. */
  get warnings(): readonly string[] {
    return this.#warnings
  }

  /** The engine may be another one now. */
  lookAgain(): void {
    this.#background.add(this.#lookAgain())
  }

  readonly assertSound: AssertSound = (asked) => {
    const { allowKnownHoles, tasksNetwork } = this.#deps
    if (asked.profile !== 'strict' || allowKnownHoles) return
    const [hole, ...others] = holesFor(this.#made, asked, tasksNetwork)
    if (hole === undefined) return
    const { component } = hole
    const message = `the profile strict is refused ${told(hole)}; an operator can accept that with isolation.allowKnownHoles`
    const holes = [hole, ...others].map(({ found }) => found)
    throw new ErrandError('runtime_unavailable', message, { details: { component, holes } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ErrandError('cancelled', 'the node is closed'))
    await this.#background.idle()
  }

  async #lookAgain(): Promise<void> {
    const { engine, look, clock, log } = this.#deps
    const { signal } = this.#closing
    try {
      this.#made = await lookAtEngineMade(await untilAnswered(clock, () => engine.probe(signal), signal), look)
      this.#tell()
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'the versions of the engine could not be asked again')
    }
  }

  /** Each once, for as long as it is so. */
  #tell(): void {
    const { allowKnownHoles, tasksNetwork, log } = this.#deps
    const before = new Set(this.#warnings)
    const begin = allowKnownHoles
      ? 'isolation.allowKnownHoles takes work under the profile strict'
      : 'the profile strict is refused'
    this.#warnings = allHoles(this.#made, tasksNetwork).map((hole) => `${begin} ${told(hole)}`)
    for (const warning of this.#warnings) if (!before.has(warning)) log.warn({}, warning)
  }
}

function told(hole: Hole): string {
  return `${whereRefused(hole)}: ${hole.found}; ${hole.advice}`
}
