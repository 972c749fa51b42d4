import type { Clock } from '../../core/clock.ts'

/** What is to be done with an execution some time after its end. */
export class Retention implements Disposable {
  readonly #clock: Clock
  readonly #timers = new Map<string, Set<Disposable>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  after(executionId: string, delayMs: number, work: () => void): void {
    const timers = this.#timers.get(executionId) ?? new Set()
    this.#timers.set(executionId, timers.add(this.#clock.setTimer(delayMs, work)))
  }

  /** Nothing more is to be done with it. */
  drop(executionId: string): void {
    for (const timer of this.#timers.get(executionId) ?? []) timer[Symbol.dispose]()
    this.#timers.delete(executionId)
  }

  [Symbol.dispose](): void {
    for (const executionId of [...this.#timers.keys()]) this.drop(executionId)
  }
}
