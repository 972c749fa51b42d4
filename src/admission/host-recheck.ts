import type { Clock } from '../core/clock.ts'

/** The host tells nobody when it has room again, so it is asked this often while it keeps the first one waiting. */
const HOST_RECHECK_MS = 1_000

/** Calls again from time to time, for as long as that is needed. */
export class HostRecheck {
  readonly #clock: Clock
  readonly #onTime: () => void
  #timer: Disposable | undefined

  constructor(clock: Clock, onTime: () => void) {
    this.#clock = clock
    this.#onTime = onTime
  }

  /** To be said again after each call. */
  setNeeded(isNeeded: boolean): void {
    if (isNeeded) {
      this.#timer ??= this.#clock.setTimer(HOST_RECHECK_MS, () => {
        this.#timer = undefined
        this.#onTime()
      })
      return
    }
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }
}
