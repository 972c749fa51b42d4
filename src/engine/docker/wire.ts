import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { http } from '../../util/node-http.ts'

export interface WireRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** Beyond them short calls wait for one another. */
const MOST_CONTROL_CONNECTIONS = 64
/** An idle connection may be cut at any time: one that has idled for longer is not used again. */
const KEEP_ALIVE_MS = 4000

/**
 * HTTP/1.1 over the socket of one Engine. By node:http, which the daemon's listeners need anyway: the first answer that
 * undici reads costs 12 MiB, for its parser has to be compiled. Disposing cuts every call.
 */
export class Wire implements Disposable {
  readonly #socketPath: string
  readonly #control = new http.Agent({ keepAlive: true, maxSockets: MOST_CONTROL_CONNECTIONS, timeout: KEEP_ALIVE_MS })
  /** Followers and pulls have connections of their own, so that they never starve control calls. */
  readonly #long = new http.Agent()
  readonly #open = new Set<ClientRequest>()
  readonly #upgraded = new Set<Duplex>()
  #isClosed = false

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** Resolves with the beginning of an answer, whose body has to be read or destroyed. An abort of `signal` cuts it. */
  send(asked: WireRequest, isLong: boolean, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const sent = this.#begin(asked, isLong ? this.#long : this.#control, signal)
    sent.on('response', resolve).on('error', reject).end(asked.body)
    return promise
  }

  /**
   * Takes over the connection of one request. An abort of `signal` ends the wait for it, and nothing later.
   * @param refusal makes an error of an answer that is none to an upgrade
   */
  async upgrade(
    asked: WireRequest,
    refusal: (status: number, body: string) => Error,
    signal: AbortSignal,
  ): Promise<Duplex> {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
    const headers = { ...asked.headers, connection: 'Upgrade', upgrade: 'tcp' }
    const sent = this.#begin({ ...asked, headers }, this.#long, signal)
    sent.on('upgrade', (_response, socket, head) => {
      this.#keep(socket)
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    sent.on('response', (response) => {
      text(response).then((body) => reject(refusal(response.statusCode ?? 0, body)), reject)
    })
    sent.on('error', reject).end(asked.body)
    const socket = await promise
    if (!signal.aborted) return socket
    socket.destroy()
    throw signal.reason
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    for (const sent of this.#open) sent.destroy(closed())
    for (const socket of this.#upgraded) socket.destroy()
    this.#control.destroy()
    this.#long.destroy()
  }

  #begin({ method, path, headers }: WireRequest, agent: Agent, signal: AbortSignal): ClientRequest {
    const sent = http.request({ socketPath: this.#socketPath, host: 'docker', method, path, headers, agent, signal })
    this.#open.add(sent)
    sent.once('close', () => this.#open.delete(sent))
    if (this.#isClosed) sent.destroy(closed())
    return sent
  }

  #keep(socket: Duplex): void {
    // A broken connection is told by `close`; without a listener the error would end the process.
    socket.on('error', () => {})
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
  }
}

function closed(): Error {
  return new Error('the client of the Engine is closed')
}
