/** What lies longer back than this counts for little. */
const MEMORY_MS = 10_000
const LEAST_RETRY_MS = 100
const MOST_RETRY_MS = 60_000

/**
 * How fast a queue really moves, for telling those turned away when to come back. Counts places against time, so that a
 * hundred served at once are a hundred places and not one gap and ninety-nine of no length.
 */
export class DrainRate {
  /** The last grant, or the moment when the queue stopped being empty, whichever is later. */
  #sinceMs = 0
  /** Both fade with time, at the same pace. */
  #places = 0
  #spentMs = 0

  /** Somebody waits after nobody did: time without a queue says nothing of its speed. */
  began(nowMs: number): void {
    this.#sinceMs = nowMs
  }

  granted(nowMs: number): void {
    const gapMs = nowMs - this.#sinceMs
    const kept = Math.exp(-gapMs / MEMORY_MS)
    this.#sinceMs = nowMs
    this.#places = this.#places * kept + 1
    this.#spentMs = this.#spentMs * kept + gapMs
  }

  /**
   * Milliseconds until `places` places are expected to have been served. A standstill counts from its first moment; a
   * queue that has never moved is expected to take as long again as it has stood.
   */
  retryAfterMs(places: number, nowMs: number): number {
    const meanGapMs = this.#places === 0 ? 0 : this.#spentMs / this.#places
    const expectedMs = Math.max(Math.round(meanGapMs * places), Math.ceil(nowMs - this.#sinceMs))
    return Math.min(MOST_RETRY_MS, Math.max(LEAST_RETRY_MS, expectedMs))
  }
}
