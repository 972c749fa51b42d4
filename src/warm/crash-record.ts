import { ErrandError } from '../core/errors.ts'

const FIRST_DELAY_MS = 1000
const MOST_DELAY_MS = 60_000
/** From this many failures in a row on, requests are refused instead of kept waiting. */
const PATIENCE = 3

/** Failures in a row of one task's instances, and how long the next start waits because of them. */
export class CrashRecord {
  #failures = 0
  #retryAtMs = 0
  #last: ErrandError | undefined

  /** The task's own fault; what the engine or the host did is not held against it. */
  note(error: ErrandError, nowMs: number): void {
    const delayMs = Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures)
    this.#failures += 1
    this.#retryAtMs = nowMs + delayMs
    this.#last = error
  }

  /** An answer was given: the task works. */
  forgive(): void {
    this.#failures = 0
  }

  delayMs(nowMs: number): number {
    return this.#failures === 0 ? 0 : Math.max(0, this.#retryAtMs - nowMs)
  }

  /** Why a request need not wait for a start; undefined while waiting makes sense. */
  refusal(nowMs: number): ErrandError | undefined {
    const retryAfterMs = Math.ceil(this.delayMs(nowMs))
    if (this.#failures < PATIENCE || retryAfterMs === 0) return undefined
    const cause = this.#last
    return new ErrandError('crash_loop', `the task failed ${this.#failures} times in a row: ${cause?.message}`, {
      details: { ...cause?.details, failures: this.#failures, lastCode: cause?.code },
      retryAfterMs,
      cause,
    })
  }

  /** True once nothing here matters any more, so that the record can be dropped. */
  isStale(nowMs: number): boolean {
    return this.#failures === 0 || nowMs > this.#retryAtMs + MOST_DELAY_MS
  }
}
