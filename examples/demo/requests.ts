import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'

/** Where to send: an address, or a unix socket. */
export type Target = { readonly host: string; readonly port: number } | { readonly socketPath: string }

/** Reads `host:port` or `unix:/path`, as the node logs it. */
export function parseTarget(text: string): Target {
  if (text.startsWith('unix:')) return { socketPath: text.slice('unix:'.length) }
  const { hostname, port } = new URL(`http://${text}`)
  return { host: hostname, port: Number(port) }
}

export interface Timed {
  readonly body: string
  readonly ms: number
}

/** Sends requests one after another over one kept connection. */
export class Sender implements Disposable {
  readonly #target: Target
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(target: Target) {
    this.#target = target
  }

  async post(body: string): Promise<Timed> {
    const startedMs = performance.now()
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const sent: ClientRequest = request({ ...this.#target, agent: this.#agent, method: 'POST', path: '/' }, resolve)
    sent.setHeader('content-type', 'application/json')
    sent.on('error', reject).end(body)
    const response = await promise
    const chunks = await response.toArray()
    return { body: Buffer.concat(chunks).toString(), ms: performance.now() - startedMs }
  }

  /** The median of `times` requests, in milliseconds. */
  async medianMs(body: string, times: number): Promise<number> {
    const all: number[] = []
    for (let sent = 0; sent < times; sent += 1) all.push((await this.post(body)).ms)
    return all.toSorted((a, b) => a - b)[Math.floor(times / 2)] ?? 0
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
