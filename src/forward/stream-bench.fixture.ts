import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Cancellation } from '../core/cancellation.ts'
import { Deadlines } from '../core/deadlines.ts'
import { ErrandError } from '../core/errors.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { type Connections, openConnections } from './connections.ts'
import { IdleDeadline } from './idle-deadline.ts'
import { type AnswerSink, type Delivered, type StreamedRequest, streamExchange } from './stream-exchange.ts'
import type { Unsent } from './task-exchange.ts'

/** Whoever gets an answer, and takes it as its test says. */
export class TestSink implements AnswerSink {
  readonly pieces: Buffer[] = []
  status = 0
  headers: readonly string[] = []
  trailers: readonly string[] | undefined
  bytes = 0
  /** Wants no more than it has until `drain`. */
  isFull = false
  #onDrain: (() => void) | undefined
  #onBegun = Promise.withResolvers<void>()

  /** Resolves once the head is there. */
  get begun(): Promise<void> {
    return this.#onBegun.promise
  }

  get isHeld(): boolean {
    return this.#onDrain !== undefined
  }

  begin(status: number, headers: readonly string[]): void {
    this.status = status
    this.headers = headers
    this.#onBegun.resolve()
  }

  write(chunk: Buffer): boolean {
    this.bytes += chunk.length
    if (this.bytes < 1024 * 1024) this.pieces.push(chunk)
    return !this.isFull
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }

  end(trailers: readonly string[]): void {
    this.trailers = trailers
  }

  drain(): void {
    const onDrain = this.#onDrain
    this.#onDrain = undefined
    onDrain?.()
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString()
  }

  header(name: string): string | undefined {
    const at = this.headers.findIndex((each, index) => index % 2 === 0 && each.toLowerCase() === name)
    return at === -1 ? undefined : this.headers[at + 1]
  }
}

const TOO_LATE = new ErrandError('deadline_exceeded', 'nothing came')
const NOT_TAKEN = new ErrandError('cancelled', 'nothing was taken')

export const GET: StreamedRequest = { method: 'GET', path: '/', headers: [], body: undefined }

/** A server, and the connections of a node to it. */
export class StreamBench implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock()
  readonly server: Server
  readonly connections: Connections
  readonly #deps = { deadlines: new Deadlines(this.clock), clock: this.clock }

  private constructor(server: Server) {
    this.server = server
    const { port } = server.address() as AddressInfo
    this.connections = openConnections({ host: '127.0.0.1', port })
  }

  static async open(handler: RequestListener): Promise<StreamBench> {
    const server = createServer({ requestTimeout: 0 }, handler).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new StreamBench(server)
  }

  send(
    request: StreamedRequest,
    sink: AnswerSink,
    cancellation: Cancellation = new Cancellation(),
    patienceMs = 60_000,
  ): Promise<Delivered | Unsent> {
    const onOver = (isHeld: boolean): void => cancellation.cancel(isHeld ? NOT_TAKEN : TOO_LATE)
    const idle = new IdleDeadline(this.#deps, patienceMs, onOver)
    return streamExchange(this.connections, request, sink, idle, this.#deps, cancellation).finally(() =>
      idle[Symbol.dispose](),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connections.destroy()
    const closed = once(this.server, 'close')
    this.server.close()
    this.server.closeAllConnections()
    await closed
  }
}
