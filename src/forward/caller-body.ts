import { Readable } from 'node:stream'
import { ErrandError } from '../core/errors.ts'

/**
 * A request body on its way to a task, read no faster than the task takes it. Stands between the two connections: a task
 * that wants no more of it must not cut its caller off, who is still to get the answer.
 */
export class CallerBody extends Readable {
  readonly #source: Readable
  readonly #onProgress: () => void
  #isFlowing = false

  /** Nothing is read before it is asked for. @param onProgress for every piece */
  constructor(source: Readable, onProgress: () => void) {
    super()
    this.#source = source
    this.#onProgress = onProgress
  }

  override _read(): void {
    if (!this.#isFlowing) this.#flow()
    this.#source.resume()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    if (this.#isFlowing) this.#source.pause()
    callback(error)
  }

  #flow(): void {
    this.#isFlowing = true
    const source = this.#source
    if (source.readableEnded) this.#onEnd()
    else if (source.destroyed) this.#onClose()
    else source.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onClose)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#onProgress()
    if (!this.push(chunk)) this.#source.pause()
  }

  readonly #onEnd = (): void => {
    this.push(null)
  }

  readonly #onClose = (): void => {
    if (!this.#source.readableEnded) this.destroy(new ErrandError('cancelled', 'the caller left amid its request'))
  }
}
