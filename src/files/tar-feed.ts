import type { Extract } from 'tar-stream'
import { ErrandError } from '../core/errors.ts'
import { abortable } from '../util/abort.ts'

/**
 * Writes what a source yields into a parser, as fast as that takes it. Disposing ends both, and waits for what was begun,
 * but not for a source that does not answer.
 */
export class TarFeed implements AsyncDisposable {
  /** What the source rejected with, or the signal's reason. */
  failure: Error | undefined
  readonly #parser: Extract
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(source: AsyncIterable<Uint8Array>, parser: Extract, signal: AbortSignal) {
    this.#parser = parser
    // Its reader is told as well.
    parser.on('error', () => {})
    this.#done = this.#run(source[Symbol.asyncIterator](), AbortSignal.any([signal, this.#stop.signal]))
  }

  async #run(source: AsyncIterator<Uint8Array>, signal: AbortSignal): Promise<void> {
    try {
      const isWhole = await this.#pass(source, signal)
      if (isWhole) this.#parser.end(undefined)
      else await source.return?.()
    } catch (error) {
      this.failure = error instanceof Error ? error : ErrandError.from(error)
      this.#parser.destroy(this.failure)
      // A source that is in the middle of something would have to end that first.
      source.return?.().catch(() => {})
    }
  }

  /** False when the parser wanted no more. */
  async #pass(source: AsyncIterator<Uint8Array>, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const { done, value } = await abortable(source.next(), signal)
      if (done === true) return true
      if (this.#parser.destroyed) return false
      if (!this.#parser.write(value)) await abortable(drained(this.#parser), signal)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parser.destroy()
    this.#stop.abort()
    await this.#done
  }
}

function drained(parser: Extract): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      parser.off('drain', settle).off('close', settle)
      resolve()
    }
    parser.on('drain', settle).on('close', settle)
  })
}
