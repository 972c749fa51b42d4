import type { ServerResponse } from 'node:http'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { Deadline } from '../../core/wait.ts'
import { abortable } from '../../util/abort.ts'
import { SECURE } from './secure.ts'

/** How long a reader may take nothing while something waits for it. It can go on later where it was. */
const STALL_MS = 60_000
const HEARTBEAT_MS = 15_000
/** A comment: no event, but proof of life for whatever stands between. */
const HEARTBEAT = ':\n\n'

/** An answer of unknown length. Holds no more than the connection's own buffer and one piece. */
export class StreamAnswer implements Disposable {
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #beat: Disposable | undefined

  constructor(response: ServerResponse, clock: Clock, signal: AbortSignal) {
    this.#response = response
    this.#clock = clock
    this.#signal = signal
  }

  /** Whether the head was all that was asked for: then there is nothing to write, nor to end. */
  get isOver(): boolean {
    return this.#response.writableEnded
  }

  /** Sends the head, before there is anything to say. */
  begin(contentType: string, status: number = 200, headers: Readonly<Record<string, string>> = {}): void {
    this.#signal.throwIfAborted()
    this.#response.writeHead(status, { ...SECURE, ...headers, 'content-type': contentType })
    this.#response.flushHeaders()
    this.#endHead()
  }

  /** The same with the headers of somebody else, names and values in turn. */
  pass(status: number, headers: readonly string[]): void {
    this.#signal.throwIfAborted()
    this.#response.writeHead(status, [...headers])
    this.#endHead()
  }

  /** The same for events: says that it lives when there is nothing else to say. */
  beginEvents(): void {
    this.begin('text/event-stream', 200, { 'x-accel-buffering': 'no' }) // nginx would keep them until the end
    if (!this.isOver) this.#beatLater()
  }

  /** Resolves when its reader may be given more. @throws signal.reason; deadline_exceeded when that takes too long */
  async write(piece: string | Uint8Array): Promise<void> {
    this.#signal.throwIfAborted()
    if (piece.length === 0 || this.#response.write(piece)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#response.once('drain', resolve)
    using patience = new Deadline(this.#clock, STALL_MS, tooSlow, this.#signal)
    try {
      await abortable(promise, patience.signal)
    } finally {
      this.#response.off('drain', resolve)
    }
  }

  end(): void {
    this.#response.end()
  }

  [Symbol.dispose](): void {
    this.#beat?.[Symbol.dispose]()
  }

  #endHead(): void {
    if (this.#response.req.method === 'HEAD') this.#response.end()
  }

  #beatLater(): void {
    this.#beat = this.#clock.setTimer(HEARTBEAT_MS, () => {
      if (!this.#response.writableNeedDrain) this.#response.write(HEARTBEAT)
      this.#beatLater()
    })
  }
}

/** One event of `text/event-stream`. */
export function eventText(name: string, data: object, eventId?: number): string {
  const id = eventId === undefined ? '' : `id: ${eventId}\n`
  return `${id}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

function tooSlow(): ErrandError {
  return new ErrandError('deadline_exceeded', 'the answer was not read')
}
