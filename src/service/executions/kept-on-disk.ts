export interface KeptOnDiskDeps {
  /** What all together may take; nothing is measured when that is Infinity. */
  readonly limitBytes: number
  /** What one takes. Never rejects. */
  readonly measure: (executionId: string, signal: AbortSignal) => Promise<number>
  /** It has to go. Whoever is told drops it. */
  readonly onDue: (executionId: string) => void
}

/**
 * What executions that have ended take on disk together. Beyond the limit those are due that were added first; the last one
 * stays, however much that is: whoever waited for its end wants to see it.
 */
export class KeptOnDisk implements Disposable {
  readonly #deps: KeptOnDiskDeps
  /** In the order in which they were added; 0 until they were measured. */
  readonly #bytes = new Map<string, number>()
  readonly #unmeasured = new Set<string>()
  readonly #closing = new AbortController()
  #total = 0
  #isMeasuring = false

  constructor(deps: KeptOnDiskDeps) {
    this.#deps = deps
  }

  /** Measures it. Resolves when nothing is left to measure, at once if somebody is at it. Never rejects. */
  async add(executionId: string): Promise<void> {
    if (this.#deps.limitBytes === Infinity || this.#closing.signal.aborted) return
    this.#bytes.set(executionId, this.#bytes.get(executionId) ?? 0)
    this.#unmeasured.add(executionId)
    if (this.#isMeasuring) return
    this.#isMeasuring = true
    // One after the other, and so in order: whatever was added before is known when it is decided who has to go.
    for (const next of this.#unmeasured) await this.#measure(next)
    this.#isMeasuring = false
  }

  /** It has become smaller. Nothing happens to one that has gone. */
  async addAgain(executionId: string): Promise<void> {
    if (this.#bytes.has(executionId)) await this.add(executionId)
  }

  drop(executionId: string): void {
    this.#total -= this.#bytes.get(executionId) ?? 0
    this.#bytes.delete(executionId)
    this.#unmeasured.delete(executionId)
  }

  /** Nothing more is measured, or due. */
  [Symbol.dispose](): void {
    this.#closing.abort()
    this.#bytes.clear()
    this.#unmeasured.clear()
  }

  async #measure(executionId: string): Promise<void> {
    this.#unmeasured.delete(executionId)
    const bytes = await this.#deps.measure(executionId, this.#closing.signal)
    const before = this.#bytes.get(executionId)
    if (before === undefined) return // it has gone meanwhile
    this.#bytes.set(executionId, bytes)
    this.#total += bytes - before
    this.#makeRoom()
  }

  #makeRoom(): void {
    for (const executionId of this.#bytes.keys()) {
      if (this.#total <= this.#deps.limitBytes || this.#bytes.size === 1) return
      this.drop(executionId)
      this.#deps.onDue(executionId)
    }
  }
}
