import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Answers the nth request, counted from 0, with a status. */
type Respond = (index: number) => number

/** A receiver of webhooks on 127.0.0.1, that remembers what it was sent. */
export class Receiver implements AsyncDisposable {
  readonly received: Received[] = []
  readonly port: number
  readonly #server: Server
  readonly #more = new Set<() => void>()

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async open(
    respond: Respond = () => 204,
    tls?: { readonly cert: Buffer; readonly key: Buffer },
  ): Promise<Receiver> {
    const listener: RequestListener = (request, response) => {
      void text(request).then((body) => {
        const { method, url, headers } = request
        const index = receiver.received.push({ method, url, headers, body }) - 1
        response.writeHead(respond(index), { location: 'http://169.254.169.254/latest/meta-data/' }).end('taken')
        for (const told of receiver.#more) told()
      })
    }
    const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const receiver = new Receiver(server)
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`
  }

  /** Resolves with the first so many that it is sent. */
  async first(count: number): Promise<readonly Received[]> {
    while (this.received.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#more.add(resolve)
      await promise
      this.#more.delete(resolve)
    }
    return this.received.slice(0, count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** Checks a signature as a receiver does, from the words of Standard Webhooks alone. */
export function assertSigned(secret: string, { headers, body }: Received): void {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers
  const key = Buffer.from(secret.trim().slice('whsec_'.length), 'base64')
  const expected = createHmac('sha256', key)
    .update([String(id), String(timestamp), body].join('.'))
    .digest('base64')
  assert.equal(signature, `v1,${expected}`)
  assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 300)
}
