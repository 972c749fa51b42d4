import { Readable } from 'node:stream'

/** A stream on its way to the node, whose own failures can be told from those of the connection. */
export class Upload {
  /** What is sent. */
  readonly body: Readable
  readonly #source: Readable
  /** What the stream failed with by itself. */
  failure: { readonly reason: unknown } | undefined

  constructor(source: Readable) {
    this.#source = source
    this.body = Readable.from(this.#read(), { objectMode: false })
  }

  /** Lets go of what was not sent. */
  abandon(): void {
    this.#source.destroy()
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of this.#source) yield chunk as Uint8Array
    } catch (reason) {
      this.failure = { reason }
      throw reason
    }
  }
}
