import type { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import type { ColdStarter } from './cold-start.ts'
import type { Member } from './member.ts'
import type { PoolMeter } from './pool-meter.ts'
import type { Shelf } from './shelf.ts'
import { WaitingLine } from './waiting-line.ts'

export interface LendingQueueDeps {
  readonly shelves: Iterable<Shelf>
  readonly coldStart: Pick<ColdStarter, 'assertPossible'>
  readonly clock: Clock
  /** Requests of all tasks together that may wait. */
  readonly queueLimit: number
  /** After one more waits at the shelf. */
  readonly onWaiting: (shelf: Shelf) => void
  readonly meter?: PoolMeter | undefined
}

/** The requests that wait for an instance: each at the shelf of its task, in a place of the line that all tasks share. */
export class LendingQueue {
  readonly #deps: LendingQueueDeps
  readonly #line: WaitingLine

  constructor(deps: LendingQueueDeps) {
    this.#deps = deps
    this.#line = new WaitingLine(deps.queueLimit, deps.clock)
  }

  get size(): number {
    return this.#line.size
  }

  /**
   * The instance whose turn is given to this request. A cancellation leaves the line.
   * @throws what `ColdStarter` throws; crash_loop; queue_full; the cancellation's reason
   */
  async wait(shelf: Shelf, cancellation: Cancellation): Promise<Member> {
    this.#assertWorthWaiting(shelf, cancellation)
    const { clock, meter, shelves } = this.#deps
    const cameMs = clock.monotonicMs()
    this.#line.enter(shelf, shelves)
    let isServed = false
    try {
      const member = await this.#standIn(shelf, cancellation)
      isServed = true
      meter?.waited(clock.monotonicMs() - cameMs)
      return member
    } finally {
      this.#line.leave(isServed)
      cancellation.handOver(undefined)
    }
  }

  #standIn(shelf: Shelf, cancellation: Cancellation): Promise<Member> {
    const { promise, resolve, reject } = Promise.withResolvers<Member>()
    const request = { resolve, reject }
    shelf.waiting.add(request)
    cancellation.handOver((reason) => {
      if (shelf.waiting.delete(request)) reject(reason)
      shelf.trim(reason)
    })
    this.#deps.onWaiting(shelf)
    return promise
  }

  #assertWorthWaiting(shelf: Shelf, cancellation: Cancellation): void {
    const { coldStart, clock } = this.#deps
    if (cancellation.reason !== undefined) throw cancellation.reason
    coldStart.assertPossible(shelf.task)
    const refusal = shelf.members.size === 0 ? shelf.crashes.refusal(clock.monotonicMs()) : undefined
    if (refusal !== undefined) throw refusal
  }
}
