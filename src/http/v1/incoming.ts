import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { abortable } from '../../util/abort.ts'
import { allowLongUpload } from '../long-upload.ts'
import { bodyTooLarge } from '../status-error.ts'
import { StallWatch } from './stall-watch.ts'

/** How long a sender may send nothing. Nothing is kept of half an upload: it begins anew. */
const STALL_MS = 60_000

export interface IncomingOptions {
  readonly clock: Clock
  /** Of the caller: it has left, or may not go on. */
  readonly signal: AbortSignal
  /** Default: whoever reads it sees to that. */
  readonly limitBytes?: number
}

/** A body that is read for as long as it goes on. Whoever stops reading can still answer. Dispose it when that is over. */
export class Incoming implements Disposable {
  /** Aborts with the caller's, and with deadline_exceeded once nothing more comes. */
  readonly signal: AbortSignal
  readonly #request: IncomingMessage
  readonly #limitBytes: number
  readonly #watch: StallWatch

  private constructor(request: IncomingMessage, { clock, signal, limitBytes = Infinity }: IncomingOptions) {
    const stalled = new AbortController()
    const overdue = (): void => stalled.abort(new ErrandError('deadline_exceeded', 'nothing more of the upload came'))
    this.signal = AbortSignal.any([signal, stalled.signal])
    this.#request = request
    this.#limitBytes = limitBytes
    this.#watch = new StallWatch(clock, STALL_MS, overdue)
  }

  /** @throws StatusError 413 when its declared length says so */
  static open(request: IncomingMessage, options: IncomingOptions): Incoming {
    const { limitBytes = Infinity } = options
    if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw bodyTooLarge(limitBytes)
    allowLongUpload(request)
    return new Incoming(request, options)
  }

  /** Once. @throws signal.reason; StatusError 413; cancelled when its sender leaves in the middle */
  async *pieces(): AsyncGenerator<Uint8Array, void> {
    const chunks: AsyncIterator<Buffer> = this.#request.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]()
    let bytes = 0
    try {
      for (;;) {
        const { value, done } = await abortable(nextOf(chunks), this.signal)
        if (done === true) return
        this.#watch.moved()
        bytes += value.length
        if (bytes > this.#limitBytes) throw bodyTooLarge(this.#limitBytes)
        yield value
      }
    } finally {
      // Not awaited: of a sender that stopped it may never come.
      void chunks.return?.()
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
  }
}

async function nextOf(chunks: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
  try {
    return await chunks.next()
  } catch (cause) {
    throw new ErrandError('cancelled', 'the upload was cut off', { cause })
  }
}
