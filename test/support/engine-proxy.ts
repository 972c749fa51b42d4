import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DOCKER_SOCKET } from './engine-host.ts'

const REQUEST_LINE = /^(?:GET|POST|PUT|DELETE) \S+(?= HTTP\/1\.1\r\n)/

/** Stands between a daemon and the Docker Engine, passes everything on, and knows what was asked. */
export class EngineProxy implements AsyncDisposable {
  /** Method and path of each request, in the order of their beginnings. */
  readonly requests: string[] = []
  /** Pieces of data that the daemon has sent, whatever they were. */
  pieces = 0
  readonly #folder: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** What each of the daemon's connections was last used for. */
  readonly #latest = new Map<Socket, string>()

  private constructor(folder: string) {
    this.#folder = folder
    this.#server = createServer((socket) => this.#join(socket, connect(DOCKER_SOCKET)))
  }

  static async open(): Promise<EngineProxy> {
    const proxy = new EngineProxy(await mkdtemp(join(tmpdir(), 'errand-proxy-')))
    proxy.#server.listen(proxy.#path)
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** To be given to the daemon. */
  get setting(): string {
    return `docker.host=unix://${this.#path}`
  }

  get creates(): number {
    return this.requests.filter((request) => /^POST \S+\/containers\/create\b/.test(request)).length
  }

  /** Breaks the connections whose latest request is of this kind. Returns how many. */
  cut(request: RegExp): number {
    const found = [...this.#latest].filter(([, latest]) => request.test(latest))
    for (const [socket] of found) socket.destroy()
    return found.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
    await rm(this.#folder, { recursive: true })
  }

  get #path(): string {
    return join(this.#folder, 'docker.sock')
  }

  #join(client: Socket, engine: Socket): void {
    // The client does not pipeline, so that a request line is always the beginning of a piece.
    client.on('data', (data) => this.#note(client, data))
    client.on('close', () => this.#latest.delete(client))
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }

  #note(client: Socket, data: Buffer): void {
    this.pieces += 1
    const [request] = REQUEST_LINE.exec(data.toString('latin1', 0, 1024)) ?? []
    if (request === undefined) return
    this.requests.push(request)
    this.#latest.set(client, request)
  }
}
