import type { Clock } from '../core/clock.ts'

/** The parts of a cold start, in the order in which a request goes through them. */
export type StartPhase = 'image' | 'queue' | 'create' | 'start' | 'ready' | 'firstByte'

/** Where the time of one cold start went. */
export class StartPhases {
  readonly #clock: Clock
  readonly #spentMs = new Map<StartPhase, number>()
  #lastMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastMs = clock.monotonicMs()
  }

  /** Books the time since the last call (or the beginning) on `phase`. */
  end(phase: StartPhase): void {
    const nowMs = this.#clock.monotonicMs()
    this.#spentMs.set(phase, (this.#spentMs.get(phase) ?? 0) + nowMs - this.#lastMs)
    this.#lastMs = nowMs
  }

  /** Milliseconds by phase, of those that were ended. */
  get spentMs(): ReadonlyMap<StartPhase, number> {
    return this.#spentMs
  }

  get totalMs(): number {
    return [...this.#spentMs.values()].reduce((sum, ms) => sum + ms, 0)
  }

  /** Milliseconds by phase, to a tenth, as `createMs` and so on. */
  toFacts(): Record<string, number> {
    const rounded = [...this.#spentMs].map(([phase, ms]) => [`${phase}Ms`, Math.round(ms * 10) / 10])
    return Object.fromEntries(rounded)
  }
}
