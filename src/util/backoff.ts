/** Delays that double from `firstMs` to `mostMs`. Holds no timer: the caller waits. */
export class Backoff {
  readonly #firstMs: number
  readonly #mostMs: number
  #tries = 0

  constructor(firstMs: number, mostMs: number) {
    this.#firstMs = firstMs
    this.#mostMs = mostMs
  }

  /** Delays handed out since the last reset. */
  get tries(): number {
    return this.#tries
  }

  nextMs(): number {
    const delayMs = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#tries)
    this.#tries += 1
    return delayMs
  }

  reset(): void {
    this.#tries = 0
  }
}
