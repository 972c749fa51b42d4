import type { Clock } from '../core/clock.ts'
import type { Engine } from '../engine/engine.ts'
import { untilAnswered } from '../engine/until-answered.ts'

/** One life of an engine, from a start to the next. */
export interface EngineRun {
  /** Absent where that cannot be seen. */
  readonly startedMs?: number
  readonly outlivesRestart: boolean
}

/** Remembers what an engine says of itself for as long as it runs. */
export class EngineRuns {
  readonly #deps: { readonly engine: Engine; readonly clock: Clock }
  #run: Promise<EngineRun> | undefined

  constructor(deps: { readonly engine: Engine; readonly clock: Clock }) {
    this.#deps = deps
  }

  /** It may be another one now. */
  forget(): void {
    this.#run = undefined
  }

  async ask(signal: AbortSignal, anew: boolean): Promise<EngineRun> {
    const { engine, clock } = this.#deps
    if (anew) this.forget()
    const ask = async (): Promise<EngineRun> => {
      this.#run ??= engine.probe(signal)
      const asked = this.#run
      return asked.catch((error: unknown) => {
        if (this.#run === asked) this.forget()
        throw error
      })
    }
    return untilAnswered(clock, ask, signal)
  }
}
