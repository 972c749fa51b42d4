import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Log } from '../core/log.ts'
import { bind } from './bind.ts'
import { answerClientError } from './client-error.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { Conversation } from './conversation.ts'
import type { ListenAddress } from './listener-config.ts'
import { Peers, peerOf } from './peers.ts'

/** A peer that vanished without a word is noticed by TCP probes, which begin after this silence. */
const TCP_PROBE_AFTER_MS = 15_000

/** One server on one address. Knows which connections are owed an answer, so that it can close without cutting one. */
export class Listener implements AsyncDisposable {
  readonly #server: Server
  readonly #handler: RequestListener
  readonly #limits: ConnectionLimits
  readonly #peers: Peers
  readonly #connections = new Map<Socket, Conversation>()
  readonly #warn: (message: string) => void
  #closed: Promise<void> | undefined

  private constructor(server: Server, handler: RequestListener, log: Log, limits: ConnectionLimits) {
    this.#server = server
    this.#handler = handler
    this.#limits = limits
    this.#peers = new Peers(limits.maxConnectionsPerPeer)
    this.#warn = warnOfEachOnce(log, limits)
    server.on('connection', (socket) => this.#connected(socket))
    server.on('request', (request, response) => this.#requested(request, response))
    // An expectation that nobody knows may be ignored, and 417 is no status of ours.
    server.on('checkExpectation', (request, response) => this.#requested(request, response))
    server.on('clientError', (error, socket: Socket) => this.#failed(error, socket))
    server.on('drop', () => this.#warn('connections above the bound are cut'))
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
    const listener = new Listener(server, handler, log, limits)
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
    for (const [socket, { latest }] of this.#connections) {
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
    // A unix socket has no addresses: its permissions say who may come.
    const peer = peerOf(socket.remoteAddress ?? '')
    if (socket.remoteAddress !== undefined && !this.#peers.enter(peer)) {
      this.#warn('connections of one peer above the bound are cut')
      socket.destroy()
      return
    }
    this.#connections.set(socket, new Conversation(this.#limits))
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#peers.leave(peer)
    })
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const kind = this.#connections.get(request.socket)?.take(response) ?? 'ignore'
    if (kind === 'ignore') return
    if (kind === 'last' || this.#closed !== undefined) this.#makeLast(response)
    this.#handler(request, response)
  }

  /** What follows a request and makes no sense is not its answer's fault, and must not be answered in its place. */
  #failed(error: NodeJS.ErrnoException, socket: Socket): void {
    const conversation = this.#connections.get(socket)
    const latest = conversation?.latest
    if (latest === undefined || latest.closed) {
      answerClientError(error, socket)
    } else if (latest.headersSent || latest.req.complete) {
      conversation?.end()
      this.#makeLast(latest)
    } else if (latest.socket === null) {
      // Its own answer would come before those that it waits behind.
      socket.destroy()
    } else {
      answerClientError(error, socket)
    }
  }

  #makeLast(response: ServerResponse): void {
    if (!response.headersSent) response.shouldKeepAlive = false
    // An answer whose head is out already keeps its connection alive.
    else response.once('close', () => this.#server.closeIdleConnections())
  }
}

/** Floods would make many lines: each warning is given once. */
function warnOfEachOnce(
  log: Log,
  { maxConnections, maxConnectionsPerPeer }: ConnectionLimits,
): (message: string) => void {
  const given = new Set<string>()
  return (message) => {
    if (given.has(message)) return
    given.add(message)
    log.warn({ maxConnections, maxConnectionsPerPeer }, message)
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
