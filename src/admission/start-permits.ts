import { Waiter } from './waiter.ts'

/** Lets so many starts run side by side, first come first served. */
export class StartPermits {
  #free: number
  readonly #queue = new Set<Waiter<Disposable>>()

  /** As many at once as `permits`; one per core has paid best for container starts. */
  constructor(permits: number) {
    this.#free = permits
  }

  get waiting(): number {
    return this.#queue.size
  }

  /** A permit, to be disposed when the start is over. An abort holds none. @throws signal.reason */
  async acquire(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted()
    if (this.#free > 0) return this.#take()
    const waiter = new Waiter<Disposable>(signal, () => this.#queue.delete(waiter))
    this.#queue.add(waiter)
    return waiter.outcome((permit) => permit[Symbol.dispose]())
  }

  #take(): Disposable {
    this.#free--
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return
        isHeld = false
        this.#free++
        this.#grantNext()
      },
    }
  }

  #grantNext(): void {
    const [next] = this.#queue
    if (next === undefined) return
    this.#queue.delete(next)
    next.grant(this.#take())
  }
}
