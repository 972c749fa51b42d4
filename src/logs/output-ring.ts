/** The last bytes of an output, in bounded memory. */
export class OutputRing {
  readonly #ring: Buffer
  #written = 0

  constructor(capacityBytes: number) {
    this.#ring = Buffer.alloc(capacityBytes)
  }

  push(data: Buffer): void {
    const kept = data.subarray(Math.max(0, data.length - this.#ring.length))
    this.#written += data.length - kept.length
    const at = this.#written % this.#ring.length
    const untilEnd = kept.subarray(0, this.#ring.length - at)
    untilEnd.copy(this.#ring, at)
    kept.copy(this.#ring, 0, untilEnd.length)
    this.#written += kept.length
  }

  /** What is left, oldest first. Bytes that are no UTF-8, such as a character cut at the start, become U+FFFD. */
  text(): string {
    return this.bytes().toString('utf8')
  }

  /** A copy of what is left, oldest first. */
  bytes(): Buffer {
    const at = this.#written % this.#ring.length
    if (this.#written <= this.#ring.length) return Buffer.from(this.#ring.subarray(0, this.#written))
    return Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)])
  }
}
