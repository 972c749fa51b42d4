import type { Clock } from '../core/clock.ts'

/** The parts of a cold start, in the order in which a request goes through them. */
export type StartPhase = 'image' | 'queue' | 'create' | 'start' | 'ready' | 'firstByte'

/** Times are on the monotonic clock. */
export interface StartPart {
  readonly phase: StartPhase
  readonly fromMs: number
  readonly toMs: number
}

/** Where the time of one cold start went. */
export class StartPhases {
  readonly #clock: Clock
  readonly #parts: StartPart[] = []
  #lastMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastMs = clock.monotonicMs()
  }

  /** Books the time since the last call (or the beginning) on `phase`. */
  end(phase: StartPhase): void {
    const nowMs = this.#clock.monotonicMs()
    this.#parts.push({ phase, fromMs: this.#lastMs, toMs: nowMs })
    this.#lastMs = nowMs
  }

  /** What has been ended, in its order; a phase may have several. */
  get parts(): readonly StartPart[] {
    return this.#parts
  }

  /** Milliseconds by phase. */
  get spentMs(): ReadonlyMap<StartPhase, number> {
    const spent = new Map<StartPhase, number>()
    for (const { phase, fromMs, toMs } of this.#parts) spent.set(phase, (spent.get(phase) ?? 0) + toMs - fromMs)
    return spent
  }

  get totalMs(): number {
    return this.#parts.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
  }

  /** Milliseconds by phase, to a tenth, as `createMs` and so on. */
  toFacts(): Record<string, number> {
    const rounded = [...this.spentMs].map(([phase, ms]) => [`${phase}Ms`, Math.round(ms * 10) / 10])
    return Object.fromEntries(rounded)
  }
}
