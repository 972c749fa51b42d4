import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { TcpEndpoint } from '../core/endpoint.ts'

/** What a server does with a request: sends these bytes, or whatever it likes. */
export type RawAnswer = string | Buffer | ((socket: Socket) => void)

/** A server that answers with bytes, whether they are HTTP or not: the next answer for each request, the last for all others. */
export class RawServer implements AsyncDisposable {
  /** The requests as they came, without their connection's earlier ones. */
  readonly requests: string[] = []
  readonly sockets: Socket[] = []
  readonly #answers: readonly RawAnswer[]
  readonly #server: Server

  private constructor(answers: readonly RawAnswer[]) {
    this.#answers = answers
    this.#server = createServer((socket) => this.#serve(socket))
  }

  static async open(...answers: readonly RawAnswer[]): Promise<RawServer> {
    const server = new RawServer(answers)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get endpoint(): TcpEndpoint {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.sockets) socket.destroy()
    await closed
  }

  #serve(socket: Socket): void {
    this.sockets.push(socket)
    let received = ''
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('data', (text: string) => {
      received += text
      if (!isWhole(received)) return
      const answer = this.#answers[Math.min(this.requests.length, this.#answers.length - 1)]
      this.requests.push(received)
      received = ''
      if (typeof answer === 'function') answer(socket)
      else if (answer !== undefined) socket.write(answer)
    })
  }
}

function isWhole(request: string): boolean {
  const end = request.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = Number(/^content-length: (\d+)/im.exec(request)?.[1] ?? 0)
  return Buffer.byteLength(request.slice(end + 4)) >= length
}

/** A whole answer that leaves the connection open. */
export function ok(body: string, head = '200 OK'): string {
  return `HTTP/1.1 ${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
