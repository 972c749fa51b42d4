import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Address } from './address.ts'

export interface Answer {
  readonly body: string
  /** From the first byte sent to the last byte received. */
  readonly tookMs: number
}

const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * One keep-alive connection that sends one request at a time. By hand on a socket: what an HTTP client adds to each
 * request would blur what is measured.
 */
export class Connection implements Disposable {
  readonly #socket: Socket
  readonly #signal: AbortSignal
  #received: Buffer = Buffer.alloc(0)
  #waiting: PromiseWithResolvers<string> | undefined

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.#signal = signal
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the connection was closed')))
    signal.addEventListener('abort', this.#onAbort)
  }

  static async open(address: Address, signal: AbortSignal): Promise<Connection> {
    const socket = connect({ ...address, noDelay: true })
    await once(socket, 'connect', { signal })
    return new Connection(socket, signal)
  }

  /** @throws when the status is not 200, and when the connection is lost */
  async request(message: Buffer): Promise<Answer> {
    this.#signal.throwIfAborted()
    this.#waiting = Promise.withResolvers()
    const startedMs = performance.now()
    this.#socket.write(message)
    const body = await this.#waiting.promise
    return { body, tookMs: performance.now() - startedMs }
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd === -1) return
    const head = this.#received.toString('latin1', 0, headEnd)
    const bodyStart = headEnd + HEAD_END.length
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
    if (this.#received.length < bodyStart + length) return
    const body = this.#received.toString('utf8', bodyStart)
    this.#received = Buffer.alloc(0)
    if (head.startsWith('HTTP/1.1 200 ')) this.#waiting?.resolve(body)
    else this.#fail(new Error(`answered with ${head.split('\r\n', 1)[0]}: ${body}`))
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason)

  #fail(error: unknown): void {
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}

/** Milliseconds of each of `count` requests, one after the other. */
export async function timeRequests(connection: Connection, message: Buffer, count: number): Promise<number[]> {
  const tookMs: number[] = []
  for (let sent = 0; sent < count; sent += 1) tookMs.push((await connection.request(message)).tookMs)
  return tookMs
}
