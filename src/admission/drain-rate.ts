/** How much the newest gap counts in the mean. */
const WEIGHT = 0.2
const LEAST_RETRY_MS = 100
const MOST_RETRY_MS = 60_000

/** How fast a queue really moves, for telling those turned away when to come back. */
export class DrainRate {
  /** The last grant, or the moment when the queue stopped being empty, whichever is later. */
  #sinceMs = 0
  #meanGapMs: number | undefined

  /** Somebody waits after nobody did: time without a queue says nothing of its speed. */
  began(nowMs: number): void {
    this.#sinceMs = nowMs
  }

  granted(nowMs: number): void {
    const gapMs = nowMs - this.#sinceMs
    this.#sinceMs = nowMs
    this.#meanGapMs = this.#meanGapMs === undefined ? gapMs : this.#meanGapMs + WEIGHT * (gapMs - this.#meanGapMs)
  }

  /** Milliseconds until `places` places are expected to have been served; a standstill counts from its first moment. */
  retryAfterMs(places: number, nowMs: number): number {
    const gapMs = Math.max(this.#meanGapMs ?? 0, nowMs - this.#sinceMs)
    return Math.min(MOST_RETRY_MS, Math.max(LEAST_RETRY_MS, Math.ceil(gapMs * places)))
  }
}
