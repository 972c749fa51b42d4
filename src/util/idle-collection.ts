import { collectGarbage } from './collect-garbage.ts'
import { threadCpuMicros } from './thread-cpu.ts'

const PERIOD_MS = 10_000
/** One percent of a core. */
const IDLE_MICROS = 100_000
/**
 * What finalizers let go of after the first is collected by the second: `AbortSignal.any` leaves 3 KiB of weak references
 * for each execution on signals that live as long as the daemon.
 */
const ROUNDS = 2

export interface IdleCollectionDeps {
  readonly clock: { setTimer(delayMs: number, callback: () => void): Disposable }
  /** CPU time of this thread, in microseconds since some fixed point. */
  readonly cpuMicros?: () => number
  readonly collect?: () => void
}

/**
 * Gives back the memory of a thread that was busy, as soon as it has had next to nothing to do for ten seconds: V8 keeps a
 * heap as large as work has made it, while no more work comes. Twice after each time of work, ten seconds apart, and then no
 * more: each holds the thread up for 50 ms. Ends when disposed.
 */
export class IdleCollection implements Disposable {
  readonly #clock: IdleCollectionDeps['clock']
  readonly #cpuMicros: () => number
  readonly #collect: () => void
  #timer: Disposable | undefined
  #cpuBefore = 0
  #roundsLeft = 0

  constructor({ clock, cpuMicros = threadCpuMicros, collect = collectGarbage }: IdleCollectionDeps) {
    this.#clock = clock
    this.#cpuMicros = cpuMicros
    this.#collect = collect
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }

  #arm(): void {
    this.#cpuBefore = this.#cpuMicros()
    this.#timer = this.#clock.setTimer(PERIOD_MS, () => this.#look())
  }

  #look(): void {
    const isIdle = this.#cpuMicros() - this.#cpuBefore < IDLE_MICROS
    if (!isIdle) this.#roundsLeft = ROUNDS
    else if (this.#roundsLeft > 0) {
      this.#roundsLeft -= 1
      this.#collect()
    }
    this.#arm()
  }
}
