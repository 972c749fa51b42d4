/** Waits for results, which want to be read before their files go. */
export class ResultWaits {
  readonly #waits = new Map<string, Set<Promise<unknown>>>()

  /** Who waits for a result when its execution is removed still gets it. */
  async run<T>(executionId: string, wait: () => Promise<T>): Promise<T> {
    const waiting = wait()
    const waits = this.#waits.get(executionId) ?? new Set()
    this.#waits.set(executionId, waits.add(waiting))
    try {
      return await waiting
    } finally {
      waits.delete(waiting)
      if (waits.size === 0) this.#waits.delete(executionId)
    }
  }

  /** The same for who reads it piece by piece: until it is disposed. */
  hold(executionId: string): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>()
    void this.run(executionId, () => promise)
    return { [Symbol.dispose]: () => resolve() }
  }

  /** Resolves when nobody waits for this one any more who does now. */
  async over(executionId: string): Promise<void> {
    const waits = this.#waits.get(executionId)
    if (waits !== undefined) await Promise.allSettled(waits)
  }
}
