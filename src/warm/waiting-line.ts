import { DrainRate } from '../admission/drain-rate.ts'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Shelf } from './shelf.ts'

/**
 * The places of all requests that wait for an instance, whichever task they are for. When all are taken, the longest
 * line gives one up to a shorter one: a task that is stuck may fill the places, but not keep others from waiting.
 */
export class WaitingLine {
  readonly #limit: number
  readonly #clock: Clock
  readonly #rate = new DrainRate()
  #size = 0

  /** @param limit requests that may wait */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  get size(): number {
    return this.#size
  }

  /** Takes a place for a request for `shelf`, which is to be left again. @throws queue_full */
  enter(shelf: Shelf, shelves: Iterable<Shelf>): void {
    if (this.#size >= this.#limit) this.#makePlace(shelf, shelves)
    if (this.#size === 0) this.#rate.began(this.#clock.monotonicMs())
    this.#size += 1
  }

  /** Only who got an instance says something about how fast the line moves. */
  leave(isServed: boolean): void {
    this.#size -= 1
    if (isServed) this.#rate.granted(this.#clock.monotonicMs())
  }

  #makePlace(shelf: Shelf, shelves: Iterable<Shelf>): void {
    let longest = shelf
    for (const each of shelves) if (each.waiting.size > longest.waiting.size) longest = each
    const refusal = this.#refusal()
    // One more only: both lines would be as long, and change places for ever.
    if (longest.waiting.size <= shelf.waiting.size + 1) throw refusal
    longest.takeLast()?.reject(refusal)
    longest.trim(refusal)
  }

  #refusal(): ErrandError {
    return new ErrandError('queue_full', `${this.#limit} requests wait for an instance already`, {
      details: { waiting: this.#limit },
      retryAfterMs: this.#rate.retryAfterMs(this.#size, this.#clock.monotonicMs()),
    })
  }
}
