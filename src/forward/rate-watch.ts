import type { Clock } from '../core/clock.ts'
import type { Armed, Deadlines } from '../core/deadlines.ts'
import { ErrandError } from '../core/errors.ts'

/** A body is checked this often, and must have come at `LEAST_BYTES_PER_MS` on average. */
const CHECK_MS = 30_000
const LEAST_BYTES_PER_MS = 1024 / 1000

export interface RateWatchDeps {
  readonly deadlines: Deadlines
  readonly clock: Clock
}

/** Tells when a body comes too slowly. Time in which it is not listened to is not held against its sender. */
export class RateWatch implements Disposable {
  readonly #deps: RateWatchDeps
  readonly #onTooSlow: (error: ErrandError) => void
  #check: Armed
  #startedMs: number
  #heldSinceMs: number | undefined
  #bytes = 0

  constructor(deps: RateWatchDeps, onTooSlow: (error: ErrandError) => void) {
    this.#deps = deps
    this.#onTooSlow = onTooSlow
    this.#startedMs = deps.clock.monotonicMs()
    this.#check = this.#arm()
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  /** From now on it is not listened to. */
  hold(): void {
    this.#heldSinceMs ??= this.#deps.clock.monotonicMs()
  }

  release(): void {
    if (this.#heldSinceMs !== undefined) this.#startedMs += this.#deps.clock.monotonicMs() - this.#heldSinceMs
    this.#heldSinceMs = undefined
  }

  [Symbol.dispose](): void {
    this.#deps.deadlines.disarm(this.#check)
  }

  #arm(): Armed {
    return this.#deps.deadlines.arm(CHECK_MS, () => this.#look())
  }

  #look(): void {
    const tookMs = (this.#heldSinceMs ?? this.#deps.clock.monotonicMs()) - this.#startedMs
    // Released a moment ago, it has not had its time yet.
    if (tookMs < CHECK_MS / 2 || this.#bytes >= tookMs * LEAST_BYTES_PER_MS) {
      this.#check = this.#arm()
      return
    }
    this.#onTooSlow(
      new ErrandError('deadline_exceeded', 'the answer came slower than 1 KiB per second', {
        details: { bytes: this.#bytes, tookMs: Math.round(tookMs) },
      }),
    )
  }
}
