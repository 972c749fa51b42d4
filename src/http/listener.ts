import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { http } from '../util/node-http.ts'
import { bind } from './bind.ts'
import type { CertificateFiles } from './certificate.ts'
import { answerClientError } from './client-error.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { Conversation } from './conversation.ts'
import type { ListenAddress, ListenerConfig } from './listener-config.ts'
import { isLongUpload } from './long-upload.ts'
import { Peers, peerOf } from './peers.ts'
import type { SecureServer } from './secure-server.ts'
import { VanishedPeers } from './vanished-peers.ts'

/** A peer that vanished without a word is noticed by TCP probes, which begin after this silence; see also `VanishedPeers`. */
const TCP_PROBE_AFTER_MS = 15_000

export interface ListenerDeps {
  readonly clock: Clock
  readonly log: Log
  readonly limits: ConnectionLimits
}

/** One server on one address. Knows which connections are owed an answer, so that it can close without cutting one. */
export class Listener implements AsyncDisposable {
  readonly #server: Server
  /** What renews its certificate; undefined for plain HTTP. */
  readonly #secure: SecureServer | undefined
  readonly #handler: RequestListener
  readonly #limits: ConnectionLimits
  readonly #peers: Peers
  /** Those on which HTTP is spoken. */
  readonly #connections = new Map<Socket, Conversation>()
  readonly #warn: (message: string) => void
  /** What looks from time to time, until the last connection is closed. */
  readonly #held = new AsyncDisposableStack()
  #vanished: VanishedPeers | undefined
  #closed: Promise<void> | undefined

  private constructor(
    server: Server,
    secure: SecureServer | undefined,
    handler: RequestListener,
    { log, limits }: ListenerDeps,
  ) {
    this.#server = server
    this.#secure = secure
    this.#handler = handler
    this.#limits = limits
    this.#peers = new Peers(limits.maxConnectionsPerPeer)
    this.#warn = warnOfEachOnce(log, limits)
    server.on('connection', (socket) => this.#connected(socket))
    server.on(secure === undefined ? 'connection' : 'secureConnection', (socket: Socket) => this.#begin(socket))
    server.on('request', (request, response) => this.#requested(request, response))
    // An expectation that nobody knows may be ignored, and 417 is no status of ours.
    server.on('checkExpectation', (request, response) => this.#requested(request, response))
    server.on('clientError', (error, socket: Socket) => this.#failed(error, socket))
    server.on('drop', () => this.#warn('connections above the bound are cut'))
  }

  /**
   * @throws already_exists, forbidden or validation_failed when the address cannot be had (see `bind`); validation_failed
   * for a certificate that cannot be used
   */
  static async open(
    { address, tls }: Pick<ListenerConfig, 'address' | 'tls'>,
    handler: RequestListener,
    deps: ListenerDeps,
  ): Promise<Listener> {
    const { log, limits } = deps
    await using opening = new AsyncDisposableStack()
    const secure = tls === undefined ? undefined : opening.use(await openSecure(tls, deps))
    const server = secure?.server ?? http.createServer(serverOptions(limits))
    server.maxConnections = limits.maxConnections
    const listener = new Listener(server, secure, handler, deps)
    await bind(server, address)
    // Without a listener an error of a running server, such as a failed accept, would end the process.
    server.on('error', (err) => log.error({ err, address }, 'a listener failed to accept'))
    listener.#held.use(opening.move())
    listener.#lookOut(deps.clock)
    return listener
  }

  /** Where it really listens: the port is the kernel's choice when 0 was asked for. */
  get address(): ListenAddress {
    const address: AddressInfo | string | null = this.#server.address()
    if (address === null) throw new Error('a closed listener has no address')
    return typeof address === 'string' ? { unixPath: address } : { host: address.address, port: address.port }
  }

  /** Looks at the files of its certificate now, if it has any. Never rejects: what is wrong with them is logged. */
  async reload(): Promise<void> {
    await this.#secure?.reload()
  }

  /**
   * Accepts no more, ends connections that are owed nothing, and resolves when every request in flight was answered or
   * its caller left. Waits as long as that takes; dispose to cut it short. Idempotent.
   */
  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#secure?.cutHandshakes()
    for (const [socket, { latest }] of this.#connections) {
      if (latest === undefined || latest.closed) socket.destroy()
      else this.#makeLast(latest)
    }
    this.#closed = promise.then(() => this.#held.disposeAsync())
    return this.#closed
  }

  /** Cuts every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.close()
    this.#server.closeAllConnections()
    for (const socket of this.#connections.keys()) socket.destroy()
    await closed
  }

  /** A unix socket's peer cannot vanish without a word. */
  #lookOut(clock: Clock): void {
    const { address } = this
    if ('unixPath' in address) return
    this.#vanished = this.#held.use(
      new VanishedPeers({ clock, port: address.port, connections: () => this.#connections.entries() }),
    )
  }

  #connected(socket: Socket): void {
    // A unix socket has no addresses: its permissions say who may come.
    const peer = peerOf(socket.remoteAddress ?? '')
    if (socket.remoteAddress !== undefined && !this.#peers.enter(peer)) {
      this.#warn('connections of one peer above the bound are cut')
      socket.destroy()
      return
    }
    socket.once('close', () => this.#peers.leave(peer))
  }

  #begin(socket: Socket): void {
    if (socket.destroyed) return
    this.#connections.set(socket, new Conversation(this.#limits))
    this.#vanished?.watch()
    socket.once('close', () => this.#connections.delete(socket))
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
    // It never came to speak HTTP: there is no key to answer with.
    if (conversation === undefined) {
      socket.destroy()
      return
    }
    const { latest } = conversation
    // Told once: from here on whoever reads its body says how long that may take.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && latest !== undefined && isLongUpload(latest.req)) return
    if (latest === undefined || latest.closed) {
      answerClientError(error, socket)
    } else if (latest.headersSent || latest.req.complete) {
      conversation.end()
      this.#makeLast(latest)
    } else if (latest.socket === null) {
      // Its own answer would come before those that it waits behind.
      socket.destroy()
    } else {
      answerClientError(error, socket)
    }
  }

  #makeLast(response: ServerResponse): void {
    const { socket } = response.req
    if (!response.headersSent) response.shouldKeepAlive = false
    // An answer whose head is out already keeps its connection alive.
    else response.once('close', () => socket.destroySoon())
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

/** What TLS needs is loaded with the first certificate. */
async function openSecure(files: CertificateFiles, { clock, log, limits }: ListenerDeps): Promise<SecureServer> {
  const { SecureServer: Secure } = await import('./secure-server.ts')
  const options = { ...serverOptions(limits), handshakeTimeout: limits.headersTimeoutMs }
  return Secure.open(files, options, { clock, log })
}

function serverOptions(limits: ConnectionLimits): ServerOptions {
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
