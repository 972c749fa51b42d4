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
 * One keep-alive connection that sends one request at a time, made anew when the server has closed it. By hand on a
 * socket: what an HTTP client adds to each request would blur what is measured.
 */
export class Connection implements Disposable {
  readonly #address: Address
  readonly #signal: AbortSignal
  #socket: Socket | undefined
  #received: Buffer = Buffer.alloc(0)
  #waiting: PromiseWithResolvers<string> | undefined

  private constructor(address: Address, signal: AbortSignal) {
    this.#address = address
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort)
  }

  static async open(address: Address, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(address, signal)
    await connection.#connect()
    return connection
  }

  /** @throws when the status is no success, and when the connection is lost */
  async request(message: Buffer): Promise<Answer> {
    this.#signal.throwIfAborted()
    const socket = this.#socket ?? (await this.#connect())
    this.#waiting = Promise.withResolvers()
    const startedMs = performance.now()
    socket.write(message)
    const body = await this.#waiting.promise
    return { body, tookMs: performance.now() - startedMs }
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#socket?.destroy()
  }

  async #connect(): Promise<Socket> {
    const socket = connect({ ...this.#address, noDelay: true })
    await once(socket, 'connect', { signal: this.#signal })
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#lose(socket))
    this.#socket = socket
    return socket
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
    if (/\r\nconnection: *close/i.test(head)) this.#socket = undefined
    if (!head.startsWith('HTTP/1.1 2')) this.#fail(new Error(`answered with ${head.split('\r\n', 1)[0]}: ${body}`))
    this.#waiting?.resolve(body)
    this.#waiting = undefined
  }

  readonly #onAbort = (): void => this.#fail(this.#signal.reason)

  /** A server may close a connection on which nothing is under way: the next request makes another. */
  #lose(socket: Socket): void {
    if (this.#socket !== socket) return
    this.#socket = undefined
    this.#fail(new Error('the connection was closed'))
  }

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
