const EMPTY = Buffer.alloc(0)

/**
 * Gathers the chunks of a body. One chunk is kept as it is; more are copied into one block, so that a body dripped byte
 * by byte costs its own size and not a buffer object for every byte.
 */
export class GrowingBuffer {
  #block: Buffer = EMPTY
  #size = 0

  get size(): number {
    return this.#size
  }

  add(chunk: Buffer): void {
    if (this.#size === 0) {
      this.#block = chunk
    } else {
      if (this.#size + chunk.length > this.#block.length) this.#grow(this.#size + chunk.length)
      chunk.copy(this.#block, this.#size)
    }
    this.#size += chunk.length
  }

  /** So much will come in all: makes room for it, which saves growing. */
  expect(bytes: number): void {
    if (bytes > this.#block.length) this.#moveTo(Buffer.allocUnsafeSlow(bytes))
  }

  /** What was gathered, without copying it. Lets go of it, since a connection may outlive its requests for long. */
  take(): Buffer {
    const contents = this.#size === this.#block.length ? this.#block : this.#block.subarray(0, this.#size)
    this.#block = EMPTY
    this.#size = 0
    return contents
  }

  #grow(needed: number): void {
    this.#moveTo(Buffer.allocUnsafe(needed * 2))
  }

  #moveTo(block: Buffer): void {
    this.#block.copy(block, 0, 0, this.#size)
    this.#block = block
  }
}
