/** Wakes who waits for something to change. What it is they look up themselves. */
export class Changes {
  readonly #waiting = new Set<() => void>()
  #count = 0

  /** So many there were. */
  get count(): number {
    return this.#count
  }

  /** Resolves at the first change after the first `seen` of them. @throws signal.reason when that aborts first */
  async after(seen: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#count > seen) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => reject(signal.reason)
    this.#waiting.add(resolve)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      this.#waiting.delete(resolve)
      signal.removeEventListener('abort', onAbort)
    }
  }

  notify(): void {
    this.#count += 1
    for (const wake of this.#waiting) wake()
  }
}
