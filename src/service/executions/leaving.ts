import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { LeavingSignals } from './bring-up.ts'

/** How long an engine may take, when this process lets go, for what it was asked before. */
const LET_GO_MS = 3000
/** How long a start under way may take, whatever the grace: only once it is answered can the end be told as it was. */
const MOST_STARTING_MS = 5000

/** What ends the way of one execution to its sandbox, and what makes this process let go of it. */
export class Leaving implements Disposable {
  readonly #clock: Clock
  readonly #unwanted = new AbortController()
  readonly #leaving = new AbortController()
  readonly #detaching = new AbortController()
  readonly #overdue = new AbortController()
  readonly #timers = new DisposableStack()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get signals(): LeavingSignals {
    const [unwanted, leaving, detaching] = [this.#unwanted.signal, this.#leaving.signal, this.#detaching.signal]
    return { unwanted, leaving, detaching }
  }

  /** Aborts when this process lets go, and leaves it to the next one. */
  get detaching(): AbortSignal {
    return this.#detaching.signal
  }

  /** Aborts when the engine has had its time after that. */
  get overdue(): AbortSignal {
    return this.#overdue.signal
  }

  /** It is to end before it runs; one that `mayRun` already is waited for, so that it can be ended as others are. */
  giveUp(mayRun: boolean, graceMs: number): void {
    const reason = new ErrandError('cancelled', 'the execution was cancelled')
    this.#unwanted.abort(reason)
    if (!mayRun) this.#leaving.abort(reason)
    else this.#after(Math.max(graceMs, MOST_STARTING_MS), () => this.#leaving.abort(reason))
  }

  detach(): void {
    if (this.#detaching.signal.aborted) return
    const reason = new ErrandError('draining', 'the node lets go of its executions')
    this.#detaching.abort(reason)
    this.#after(LET_GO_MS, () => {
      this.#leaving.abort(reason)
      this.#overdue.abort(reason)
    })
  }

  [Symbol.dispose](): void {
    this.#timers.dispose()
  }

  #after(delayMs: number, work: () => void): void {
    if (!this.#timers.disposed) this.#timers.use(this.#clock.setTimer(delayMs, work))
  }
}
