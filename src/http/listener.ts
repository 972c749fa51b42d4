import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Log } from '../core/log.ts'
import { bind } from './bind.ts'
import { answerClientError } from './client-error.ts'
import type { ListenAddress } from './listener-config.ts'

/** Bounds on what a connection may cost before its request is understood. Times in milliseconds. */
export interface ConnectionLimits {
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** How often those two are looked at. */
  readonly checkIntervalMs: number
  readonly keepAliveMs: number
  readonly maxHeaderBytes: number
  readonly maxConnections: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  checkIntervalMs: 2000,
  keepAliveMs: 65_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 4096,
}

/** A peer that vanished without a word is noticed by TCP probes, which begin after this silence. */
const TCP_PROBE_AFTER_MS = 15_000

/** One server on one address. Knows which connections are owed an answer, so that it can close without cutting one. */
export class Listener implements AsyncDisposable {
  readonly #server: Server
  readonly #handler: RequestListener
  /** Each with its latest answer. Keeping the latest costs a request nothing; counting answers would need an event each. */
  readonly #connections = new Map<Socket, ServerResponse | undefined>()
  #closed: Promise<void> | undefined

  private constructor(server: Server, handler: RequestListener, log: Log) {
    this.#server = server
    this.#handler = handler
    server.on('connection', (socket) => this.#connected(socket))
    server.on('request', (request, response) => this.#requested(request, response))
    // An expectation that nobody knows may be ignored, and 417 is no status of ours.
    server.on('checkExpectation', (request, response) => this.#requested(request, response))
    server.on('clientError', answerClientError)
    server.once('drop', () =>
      log.warn({ maxConnections: server.maxConnections }, 'connections above the bound are cut'),
    )
  }

  /** @throws already_exists, forbidden or validation_failed when the address cannot be had; see `bind` */
  static async open(
    address: ListenAddress,
    handler: RequestListener,
    log: Log,
    limits: ConnectionLimits,
  ): Promise<Listener> {
    const server = createServer(serverOptions(limits))
    server.maxConnections = limits.maxConnections
    const listener = new Listener(server, handler, log)
    await bind(server, address)
    // Without a listener an error of a running server, such as a failed accept, would end the process.
    server.on('error', (err) => log.error({ err, address }, 'a listener failed to accept'))
    return listener
  }

  /** Where it really listens: the port is the kernel's choice when 0 was asked for. */
  get address(): ListenAddress {
    const address: AddressInfo | string | null = this.#server.address()
    if (address === null) throw new Error('a closed listener has no address')
    return typeof address === 'string' ? { unixPath: address } : { host: address.address, port: address.port }
  }

  /**
   * Accepts no more, ends connections that are owed nothing, and resolves when every request in flight was answered or
   * its caller left. Waits as long as that takes; dispose to cut it short. Idempotent.
   */
  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed
    this.#closed = new Promise((resolve) => this.#server.close(() => resolve()))
    for (const [socket, latest] of this.#connections) {
      if (latest === undefined || latest.closed) socket.destroy()
      else this.#makeLast(latest)
    }
    return this.#closed
  }

  /** Cuts every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.close()
    this.#server.closeAllConnections()
    for (const socket of this.#connections.keys()) socket.destroy()
    await closed
  }

  #connected(socket: Socket): void {
    this.#connections.set(socket, undefined)
    socket.once('close', () => this.#connections.delete(socket))
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    this.#connections.set(request.socket, response)
    if (this.#closed !== undefined) this.#makeLast(response)
    this.#handler(request, response)
  }

  #makeLast(response: ServerResponse): void {
    if (!response.headersSent) response.shouldKeepAlive = false
    // An answer whose head is out already keeps its connection alive.
    else response.once('close', () => this.#server.closeIdleConnections())
  }
}

function serverOptions(limits: ConnectionLimits): Parameters<typeof createServer>[0] & object {
  return {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveMs,
    maxHeaderSize: limits.maxHeaderBytes,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_PROBE_AFTER_MS,
    // Checked by the guard, which names the refusal.
    requireHostHeader: false,
  }
}
