import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

export type StubHandler = (request: IncomingMessage, response: ServerResponse) => void

/** What a stub answers, by method and path without version: `GET /info`. Anything else is not found. */
export type StubRoutes = Readonly<Record<string, StubHandler>>

export interface StubOptions {
  readonly apiVersion?: string
  readonly routes?: StubRoutes
  /** Takes over what asks to be upgraded; without it such a request is answered like any other. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex) => void
}

/** Speaks just enough HTTP on a unix socket to drive the real client against scripted answers. */
export class EngineStub implements AsyncDisposable {
  /** Method and whole path of each request, the ping left out. */
  readonly requests: string[] = []
  readonly #folder: string
  readonly #server: Server

  private constructor(folder: string, { apiVersion = '1.41', routes = {}, onUpgrade }: StubOptions) {
    this.#folder = folder
    this.#server = createServer((request, response) => {
      const { method = '', url = '' } = request
      if (url === '/_ping') {
        response.setHeader('api-version', apiVersion).end('OK')
        return
      }
      this.requests.push(`${method} ${url}`)
      const path = url.replace(/^\/v[0-9.]+/, '').replace(/\?.*$/, '')
      const route = routes[`${method} ${path}`] ?? json({ message: 'no such thing' }, 404)
      route(request, response)
    })
    if (onUpgrade !== undefined) this.#server.on('upgrade', onUpgrade)
  }

  static async open(options: StubOptions = {}): Promise<EngineStub> {
    const stub = new EngineStub(await mkdtemp(join(tmpdir(), 'errand-stub-')), options)
    stub.#server.listen(stub.socketPath)
    await once(stub.#server, 'listening')
    return stub
  }

  get socketPath(): string {
    return join(this.#folder, 'docker.sock')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export function json(value: unknown, status = 200): StubHandler {
  return (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
}

/** One frame of the Engine's output stream. */
export function frame(stream: number, data: Buffer | string): Buffer {
  const payload = Buffer.from(data)
  const header = Buffer.alloc(8)
  header.writeUInt8(stream, 0)
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}
