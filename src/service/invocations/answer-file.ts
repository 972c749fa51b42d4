import type { WriteStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { ErrandError } from '../../core/errors.ts'
import { storageCodeOf } from '../../util/storage-code.ts'
import type { TaskSink } from '../node-api.ts'

/** A task's answer on its way to the disk. Dispose it; what is not finished by then is nothing. */
export class AnswerFile implements TaskSink, AsyncDisposable {
  readonly #stream: WriteStream
  readonly #limitBytes: number
  readonly #onFailure: (error: ErrandError) => void
  #instanceId = ''
  #status = 0
  #headers: readonly string[] = []
  #bytes = 0
  #failure: ErrandError | undefined

  /** @param onFailure the answer is not wanted any more: it is too large, or cannot be kept */
  constructor(file: FileHandle, limitBytes: number, onFailure: (error: ErrandError) => void) {
    this.#limitBytes = limitBytes
    this.#onFailure = onFailure
    this.#stream = file.createWriteStream({ flush: true })
    this.#stream.on('error', (cause) => {
      this.#fail(new ErrandError(storageCodeOf(cause), `the answer cannot be kept: ${cause.message}`, { cause }))
    })
  }

  /** Whether a task may have got the request. */
  get isSent(): boolean {
    return this.#instanceId !== ''
  }

  /** What was the matter with keeping it. */
  get failure(): ErrandError | undefined {
    return this.#failure
  }

  get headers(): readonly string[] {
    return this.#headers
  }

  from(instanceId: string): void {
    this.#instanceId = instanceId
  }

  begin(status: number, headers: readonly string[]): void {
    this.#status = status
    this.#headers = headers
  }

  write(chunk: Buffer): boolean {
    this.#bytes += chunk.length
    if (this.#bytes <= this.#limitBytes) return this.#stream.write(chunk)
    const message = `the answer has more than ${this.#limitBytes} bytes`
    this.#fail(new ErrandError('response_too_large', message, { details: { limitBytes: this.#limitBytes } }))
    return false
  }

  onDrain(listener: () => void): void {
    this.#stream.once('drain', listener)
  }

  /** Trailers are not kept. */
  end(): void {
    this.#stream.end()
  }

  /** Resolves when all of it is on the disk. @throws storage_full, storage_error */
  async finish(): Promise<{ readonly status: number; readonly bytes: number; readonly instanceId: string }> {
    try {
      await finished(this.#stream)
    } catch (cause) {
      throw this.#failure ?? new ErrandError(storageCodeOf(cause), 'the answer cannot be kept', { cause })
    }
    return { status: this.#status, bytes: this.#bytes, instanceId: this.#instanceId }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stream.closed) return
    this.#stream.destroy()
    await new Promise<void>((resolve) => this.#stream.once('close', resolve))
  }

  #fail(error: ErrandError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#onFailure(error)
  }
}
