import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DOCKER_SOCKET } from './engine-host.ts'

/**
 * What becomes of one request: `lose` has the engine do it and cuts the connection when the answer comes; a promise holds
 * it back until it resolves, and then hands it on even if the daemon has left by then.
 */
export type Treatment = 'pass' | 'lose' | Promise<void>

/** Method and path, without version: `POST /containers/create?name=x`. */
export type Treat = (request: string) => Treatment

const REQUEST_LINE = /^(GET|POST|PUT|DELETE|HEAD) (?:\/v[0-9.]+)?(\S+) HTTP\/1\.1\r\n/

/** A way to a Docker Engine on which requests and answers can be delayed and lost, and which can be cut altogether. */
export class EngineDetour implements AsyncDisposable {
  /** Every request so far, in the order of their beginnings. */
  readonly requests: string[] = []
  treat: Treat = () => 'pass'
  readonly #folder: string
  readonly #target: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(folder: string, target: string) {
    this.#folder = folder
    this.#target = target
    this.#server = createServer((socket) => this.#join(socket))
  }

  static async open(target: string = DOCKER_SOCKET): Promise<EngineDetour> {
    const detour = new EngineDetour(await mkdtemp(join(tmpdir(), 'errand-detour-')), target)
    detour.#server.listen(detour.socketPath)
    await once(detour.#server, 'listening')
    return detour
  }

  get socketPath(): string {
    return join(this.#folder, 'docker.sock')
  }

  count(pattern: RegExp): number {
    return this.requests.filter((request) => pattern.test(request)).length
  }

  /** Cuts every connection, event streams included. New ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** The socket is gone from its path, and all connections with it; `instead` may leave a file that is none. */
  async vanish(instead: 'nothing' | 'a file' = 'nothing'): Promise<void> {
    await rename(this.socketPath, `${this.socketPath}.away`)
    if (instead === 'a file') await writeFile(this.socketPath, '')
    this.cut()
  }

  async reappear(): Promise<void> {
    await rename(`${this.socketPath}.away`, this.socketPath)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
    await rm(this.#folder, { recursive: true })
  }

  #join(client: Socket): void {
    const engine = connect(this.#target)
    let isLost = false
    const pass = async (data: Buffer): Promise<void> => {
      const treatment = this.#treatmentOf(data)
      if (treatment !== undefined) isLost = treatment === 'lose'
      if (treatment instanceof Promise) await treatment
      engine.write(data)
    }
    // One piece after the other: a request that is held back holds back what follows it.
    let last = Promise.resolve()
    client.on('data', (data) => {
      last = last.then(() => pass(data))
    })
    client.on('end', () => void last.then(() => engine.end()))
    engine.on('data', (data) => {
      if (isLost) client.destroy()
      else client.write(data)
    })
    engine.on('end', () => client.end())
    for (const [socket, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        void last.then(() => other.destroySoon())
      })
    }
  }

  /** The daemon's client does not pipeline: a request line is always the beginning of a piece. Undefined for what follows it. */
  #treatmentOf(data: Buffer): Treatment | undefined {
    const [, method, path] = REQUEST_LINE.exec(data.toString('latin1', 0, 4096)) ?? []
    if (method === undefined || path === undefined) return undefined
    const request = `${method} ${path}`
    this.requests.push(request)
    return this.treat(request)
  }
}
