import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** In the place of a node: answers its requests in their order as a test plays them, the last one again and again. */
export class PlayedServer implements AsyncDisposable {
  readonly requests: IncomingMessage[] = []
  readonly sockets: Set<Socket> = new Set()
  readonly #server: Server

  private constructor(answers: readonly RequestListener[]) {
    this.#server = createServer((request, response) => {
      answers[Math.min(this.requests.push(request), answers.length) - 1]?.(request, response)
    })
    this.#server.on('connection', (socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
  }

  static async open(...answers: readonly RequestListener[]): Promise<PlayedServer> {
    const server = new PlayedServer(answers)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get paths(): string[] {
    return this.requests.map(({ url = '' }) => url)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

/** Answers with a status, a content type and a text. */
export function says(status: number, contentType: string, text: string, headers: object = {}): RequestListener {
  return (_request, response) => void response.writeHead(status, { ...headers, 'content-type': contentType }).end(text)
}

/** Begins a stream of events and sends these. */
export function sends(events: string, headers: object = {}): RequestListener {
  return (_request, response) => beginEvents(response, events, headers)
}

/** The same, and then the connection is at its end in the middle of the answer. */
export function sendsAndLeaves(events: string, headers: object = {}): RequestListener {
  return (_request, response) => {
    beginEvents(response, events, headers)
    response.socket?.end()
  }
}

function beginEvents(response: ServerResponse, events: string, headers: object): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
  response.flushHeaders()
  if (events !== '') response.write(events)
}
