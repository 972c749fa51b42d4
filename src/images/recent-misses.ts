import type { Clock } from '../core/clock.ts'
import type { ErrandError } from '../core/errors.ts'

interface Miss {
  readonly error: ErrandError
  readonly untilMs: number
}

/** How long a registry's "there is no such image" is believed. */
const BELIEVED_MS = 10_000
/** Callers choose the names: whoever invents more than this in that time has the registry asked again. */
const MOST_MISSES = 1000

/** Images that a registry said a moment ago it does not have, so that it is not asked again at once. */
export class RecentMisses {
  readonly #clock: Clock
  /** In the order of their end. */
  readonly #misses = new Map<string, Miss>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(name: string, error: ErrandError): void {
    this.#misses.delete(name)
    this.#misses.set(name, { error, untilMs: this.#clock.monotonicMs() + BELIEVED_MS })
    const [oldest] = this.#misses.keys()
    if (this.#misses.size > MOST_MISSES && oldest !== undefined) this.#misses.delete(oldest)
  }

  /** @throws what the registry was answered with */
  assertNone(name: string): void {
    const miss = this.#misses.get(name)
    if (miss === undefined) return
    if (miss.untilMs > this.#clock.monotonicMs()) throw miss.error
    this.#misses.delete(name)
  }
}
