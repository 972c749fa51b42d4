import type { Readable } from 'node:stream'

/** The body of an answer, read only as fast as it is consumed. Disposing drops the connection. */
export class ResponseStream implements AsyncIterable<Buffer>, Disposable {
  readonly #body: Readable
  readonly #explain: (error: unknown) => unknown

  /** `explain` makes an error of ours of whatever ended the body. */
  constructor(body: Readable, explain: (error: unknown) => unknown) {
    this.#body = body
    this.#explain = explain
    // Whoever reads gets the error; when nobody reads any more there is nobody to tell.
    body.on('error', () => {})
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.#body) yield chunk as Buffer
    } catch (error) {
      throw this.#explain(error)
    }
  }

  [Symbol.dispose](): void {
    this.#body.destroy()
  }
}
