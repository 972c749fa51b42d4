import type { Clock } from '../core/clock.ts'

/** Failures of one peer in a window that are nothing to wonder at. */
const MOST_FAILURES = 10
const WINDOW_MS = 60_000
/** Beyond this, the one whose window began first is forgotten. */
const MOST_PEERS = 10_000

interface Window {
  readonly sinceMs: number
  failures: number
}

/** Counts failures by peer, in bounded memory. */
export class FailureLimit {
  readonly #clock: Clock
  /** The oldest first. */
  readonly #windows = new Map<string, Window>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one more. How long the peer should wait, in milliseconds; undefined within the bound. */
  count(peer: string): number | undefined {
    const nowMs = this.#clock.monotonicMs()
    const window = this.#windowOf(peer, nowMs)
    window.failures += 1
    return window.failures <= MOST_FAILURES ? undefined : window.sinceMs + WINDOW_MS - nowMs
  }

  #windowOf(peer: string, nowMs: number): Window {
    const known = this.#windows.get(peer)
    if (known !== undefined && nowMs - known.sinceMs < WINDOW_MS) return known
    this.#windows.delete(peer)
    const [oldest] = this.#windows.keys()
    if (this.#windows.size >= MOST_PEERS && oldest !== undefined) this.#windows.delete(oldest)
    const window = { sinceMs: nowMs, failures: 0 }
    this.#windows.set(peer, window)
    return window
  }
}
