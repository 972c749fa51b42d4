/** Runs one piece of work after the other, in the order in which they were handed in. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves or rejects as `work` does; a failure holds up nobody. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }
}
