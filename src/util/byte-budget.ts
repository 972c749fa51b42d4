interface Waiting {
  readonly bytes: number
  readonly onGranted: () => void
}

/** Memory that many share. Who cannot get any does without, or waits in line. */
export class ByteBudget {
  readonly limitBytes: number
  #usedBytes = 0
  /** In the order of their coming. */
  readonly #line = new Set<Waiting>()
  #isServing = false

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Above the limit only by what was taken without asking. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Whether somebody waits. */
  get isShort(): boolean {
    return this.#line.size > 0
  }

  /** False, and nothing taken, when so much is not left, or others wait for it. */
  tryTake(bytes: number): boolean {
    if (this.isShort || this.#usedBytes + bytes > this.limitBytes) return false
    this.#usedBytes += bytes
    return true
  }

  /** For what is in memory already. */
  take(bytes: number): void {
    this.#usedBytes += bytes
  }

  /** Others get it in the next turn of the event loop: who hands something over can take it up before them. */
  giveBack(bytes: number): void {
    this.#usedBytes -= bytes
    if (!this.isShort || this.#isServing) return
    this.#isServing = true
    setImmediate(() => this.#serve())
  }

  /** Calls `onGranted`, never at once, when so much has been taken for whoever asked. Disposing leaves the line. */
  wait(bytes: number, onGranted: () => void): Disposable {
    const waiting = { bytes, onGranted }
    this.#line.add(waiting)
    return { [Symbol.dispose]: () => void this.#line.delete(waiting) }
  }

  #serve(): void {
    this.#isServing = false
    for (const waiting of this.#line) {
      // More than there is at all is given when nothing else is.
      if (this.#usedBytes > 0 && this.#usedBytes + waiting.bytes > this.limitBytes) return
      this.#line.delete(waiting)
      this.#usedBytes += waiting.bytes
      waiting.onGranted()
    }
  }
}
