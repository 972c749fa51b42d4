import { abortable } from '../util/abort.ts'

interface Waiter {
  readonly host: string
  readonly enter: () => void
}

/** How much may be under way at once, to one host and to all: one that is slow keeps nobody else waiting. */
export class HostSlots {
  readonly #perHost: number
  readonly #most: number
  readonly #taken = new Map<string, number>()
  readonly #waiting = new Set<Waiter>()
  #all = 0

  constructor(perHost: number, most: number) {
    this.#perHost = perHost
    this.#most = most
  }

  /** Until disposed, as soon as there is room. @throws signal.reason */
  async take(host: string, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted()
    if (!this.#hasRoom(host)) await this.#wait(host, signal)
    else this.#enter(host)
    return { [Symbol.dispose]: () => this.#leave(host) }
  }

  async #wait(host: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = { host, enter: resolve }
    this.#waiting.add(waiter)
    try {
      await abortable(promise, signal)
    } catch (error) {
      // It may have been let in just before.
      if (!this.#waiting.delete(waiter)) this.#leave(host)
      throw error
    }
  }

  #hasRoom(host: string): boolean {
    return this.#all < this.#most && (this.#taken.get(host) ?? 0) < this.#perHost
  }

  #enter(host: string): void {
    this.#all += 1
    this.#taken.set(host, (this.#taken.get(host) ?? 0) + 1)
  }

  #leave(host: string): void {
    this.#all -= 1
    const left = (this.#taken.get(host) ?? 1) - 1
    if (left === 0) this.#taken.delete(host)
    else this.#taken.set(host, left)
    for (const waiter of this.#waiting) {
      if (!this.#hasRoom(waiter.host)) continue
      this.#waiting.delete(waiter)
      this.#enter(waiter.host)
      waiter.enter()
    }
  }
}
