/** Work that goes on in the background, awaited by its owner on close: no promise is left detached. */
export class BackgroundWork {
  readonly #running = new Set<Promise<void>>()

  /** `work` must handle its own failures; one that escapes is a fault of ours and ends the process as such. */
  add(work: Promise<void>): void {
    this.#running.add(work)
    void work.finally(() => this.#running.delete(work))
  }

  /** Resolves when nothing runs any more, what was added meanwhile included. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
