import { abortable } from '../util/abort.ts'
import { FairQueue } from '../util/fair-queue.ts'

interface Waiter {
  readonly callerId: string
  readonly enter: () => void
}

/** So many at once, of all and of one caller; callers take turns. */
export class FairSlots {
  readonly #most: number
  readonly #mostOfCaller: number
  readonly #queue = new FairQueue<Waiter>()

  constructor(most: number, mostOfCaller: number) {
    this.#most = most
    this.#mostOfCaller = mostOfCaller
  }

  /** Nobody has any, or waits for one. */
  get isUnused(): boolean {
    return this.#queue.size + this.#queue.underWay === 0
  }

  /** Until disposed, as soon as there is room. @throws signal.reason */
  async take(callerId: string, signal: AbortSignal): Promise<Disposable> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = { callerId, enter: resolve }
    this.#queue.add(waiter)
    this.#letIn()
    try {
      await abortable(promise, signal)
    } catch (error) {
      this.#leave(waiter)
      throw error
    }
    return { [Symbol.dispose]: () => this.#leave(waiter) }
  }

  #letIn(): void {
    while (this.#queue.underWay < this.#most) {
      const next = this.#queue.take(this.#mostOfCaller)
      if (next === undefined) return
      next.enter()
    }
  }

  #leave(waiter: Waiter): void {
    this.#queue.remove(waiter)
    this.#letIn()
  }
}
