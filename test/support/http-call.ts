import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** Where a daemon answers, as its log names it: `HOST:PORT` or `unix:/PATH`. */
export type Address = string

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  /** Exactly these go out, beside `host` unless it is among them. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

/** More than anything that a test waits for takes on a busy machine. */
export const PATIENCE_MS = 60_000

/** One request on a connection of its own, with headers that `fetch` would not send. */
export async function httpCall(address: Address, call: HttpCall): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const { body, ...head } = call
  const options = { ...target(address), ...head, agent: false, timeout: PATIENCE_MS }
  const sent = request(options, (response) => {
    const { statusCode: status = 0, headers } = response
    text(response).then((answer) => resolve({ status, headers, text: answer }), reject)
  })
  sent.on('timeout', () => sent.destroy(new Error(`no answer to ${call.method} ${call.path}`)))
  sent.on('error', reject)
  sent.end(body)
  return promise
}

function target(address: Address): RequestOptions {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length) }
  const { hostname, port } = new URL(`http://${address}`)
  return { host: hostname, port }
}
