import { ErrandError } from '../../core/errors.ts'

/** How many executions wait for room already, of all callers or of one. */
interface WaitingExecutions {
  waitingExecutions(callerId?: string): number
}

export interface QueueLimits {
  readonly queueLimit: number
  readonly callerQueueLimit: number
}

/** Places come free as executions end, of which nothing is known beforehand. */
const RETRY_MS = 5000

/**
 * The places of executions that were let in and do not wait for room yet: their record is being written, their files are
 * made, or their inputs have not come. Those that wait for room are counted by whom they wait for.
 */
export class QueuePlaces {
  readonly #queue: WaitingExecutions
  readonly #limits: QueueLimits
  readonly #callers = new Map<object, string>()

  constructor(queue: WaitingExecutions, limits: QueueLimits) {
    this.#queue = queue
    this.#limits = limits
  }

  /** A place until disposed, which has to be when it waits for room, or will not. @throws queue_full */
  take(callerId: string): Disposable {
    const all = this.#queue.waitingExecutions() + this.#callers.size
    const own = this.#queue.waitingExecutions(callerId) + this.#of(callerId)
    const { queueLimit, callerQueueLimit } = this.#limits
    if (all < queueLimit && own < callerQueueLimit) return this.keep(callerId)
    throw new ErrandError('queue_full', `${all} executions wait already, ${own} of them this caller's`, {
      details: { waiting: all, ofCaller: own },
      retryAfterMs: RETRY_MS,
    })
  }

  /** The same for one that was let in earlier, however many there are. */
  keep(callerId: string): Disposable {
    const place = {}
    this.#callers.set(place, callerId)
    return { [Symbol.dispose]: () => void this.#callers.delete(place) }
  }

  #of(callerId: string): number {
    return [...this.#callers.values()].filter((each) => each === callerId).length
  }
}
