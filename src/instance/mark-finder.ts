/** Finds a mark in a stream of bytes, wherever the chunks are cut. */
export class MarkFinder {
  readonly #mark: Buffer
  #carried: Buffer = Buffer.alloc(0)

  constructor(mark: string) {
    this.#mark = Buffer.from(mark)
  }

  /** True from the chunk on in which the mark ends. */
  push(chunk: Buffer): boolean {
    const seen = Buffer.concat([this.#carried, chunk])
    this.#carried = seen.subarray(Math.max(0, seen.length - this.#mark.length + 1))
    return seen.includes(this.#mark)
  }
}
