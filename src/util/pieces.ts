const LEAST_BYTES = 4 * 1024
/**
 * Small enough for the allocator to take from what it has and to use again: blocks of megabytes would leave holes between
 * them that only grow.
 */
const MOST_BYTES = 64 * 1024
/** Chunks from here on are kept as they are. */
const WHOLE_BYTES = 16 * 1024

/** Gathers bytes in pieces of bounded size: however they drip in, they cost little more than their own size. */
export class Pieces {
  readonly #pieces: Buffer[] = []
  #size = 0
  /** Bytes of the last piece that are filled. */
  #filled = 0

  get size(): number {
    return this.#size
  }

  add(chunk: Buffer): void {
    // Most bodies come in one chunk.
    if (this.#size === 0 || chunk.length >= WHOLE_BYTES) this.#push(chunk, chunk.length)
    else for (let at = 0; at < chunk.length; ) at += this.#fill(chunk, at)
    this.#size += chunk.length
  }

  /** What was gathered, in order. */
  take(): Buffer[] {
    this.#trimLast()
    return this.#pieces
  }

  #fill(chunk: Buffer, at: number): number {
    let last = this.#pieces.at(-1)
    if (last === undefined || this.#filled === last.length) {
      last = Buffer.allocUnsafeSlow(Math.min(MOST_BYTES, Math.max(LEAST_BYTES, this.#size)))
      this.#push(last, 0)
    }
    const copied = chunk.copy(last, this.#filled, at)
    this.#filled += copied
    return copied
  }

  #push(piece: Buffer, filled: number): void {
    this.#trimLast()
    this.#pieces.push(piece)
    this.#filled = filled
  }

  #trimLast(): void {
    const last = this.#pieces.at(-1)
    if (last !== undefined && this.#filled < last.length) this.#pieces.splice(-1, 1, last.subarray(0, this.#filled))
  }
}
