import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { removeImagesOf } from './registry.ts'

export type RegistryHandler = (request: IncomingMessage, response: ServerResponse) => void

/** A server on a free port of 127.0.0.1 that the engine takes for a registry. Keeps what it is asked. */
export class FakeRegistry implements AsyncDisposable {
  /** Method, path and `authorization` of each request. */
  readonly requests: { readonly method: string; readonly path: string; readonly authorization: string }[] = []
  readonly #server: Server

  private constructor(handler: RegistryHandler) {
    this.#server = createServer((asked, response) => {
      const { method = '', url = '', headers } = asked
      this.requests.push({ method, path: url, authorization: headers.authorization ?? '' })
      handler(asked, response)
    })
  }

  static async open(handler: RegistryHandler): Promise<FakeRegistry> {
    const registry = new FakeRegistry(handler)
    registry.#server.listen(0, '127.0.0.1')
    await once(registry.#server, 'listening')
    return registry
  }

  get host(): string {
    const address = this.#server.address()
    assert.ok(address !== null && typeof address === 'object')
    return `127.0.0.1:${address.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { host } = this
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
    await removeImagesOf(host)
  }
}

/** Answers everything but the first question, whether it is a registry, with this. */
export function answering(status: number, body: string, headers: Record<string, string> = {}): RegistryHandler {
  return (asked, response) => {
    if (asked.url === '/v2/') response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    else response.writeHead(status, headers).end(body)
  }
}

/** An error as registries word it. */
export function refusing(status: number, code: string, message: string): RegistryHandler {
  const body = JSON.stringify({ errors: [{ code, message }] })
  return answering(status, body, { 'content-type': 'application/json' })
}

/** Asks for this account, then hands everything on to a real registry. */
export function guarding(upstream: string, account: string): RegistryHandler {
  const expected = `Basic ${Buffer.from(account).toString('base64')}`
  return (asked, response) => {
    const { authorization } = asked.headers
    if (authorization === expected) return handOn(upstream, asked, response)
    const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] })
    response.writeHead(401, { 'www-authenticate': 'Basic realm="test"', 'content-type': 'application/json' }).end(body)
  }
}

/** Hands everything on to a real registry, but no manifest before `until` resolves. */
export function holding(upstream: string, until: () => Promise<void>): RegistryHandler {
  return (asked, response) => {
    const isManifest = asked.url?.includes('/manifests/') === true
    void (isManifest ? until() : Promise.resolve()).then(() => handOn(upstream, asked, response))
  }
}

function handOn(upstream: string, asked: IncomingMessage, response: ServerResponse): void {
  const { authorization: _kept, ...headers } = asked.headers
  const passed = request(`http://${upstream}${asked.url}`, { method: asked.method ?? 'GET', headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.pipe(response)
  })
  passed.on('error', () => response.destroy())
  asked.pipe(passed)
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'

export interface ServedImage {
  readonly os?: string
  readonly architecture?: string
  /** The only layer, as its digest says. Default: none at all. */
  readonly layer?: Buffer
  /** Answers the request for the layer. */
  readonly sendLayer?: (response: ServerResponse, layer: Buffer) => void
  /** Said of the layer instead of its length. */
  readonly layerBytes?: number
}

/** Serves one image under every name. */
export function serving({ os = 'linux', architecture = 'amd64', ...image }: ServedImage): RegistryHandler {
  const { layer, sendLayer = (response, bytes) => response.end(bytes) } = image
  const rootfs = { type: 'layers', diff_ids: layer === undefined ? [] : [digestOf(layer)] }
  const config = Buffer.from(JSON.stringify({ os, architecture, rootfs, config: {} }))
  const layers = layer === undefined ? [] : [describeBlob('rootfs.diff.tar.gzip', layer, image.layerBytes)]
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: describeBlob('container.v1+json', config), layers }
  return (asked, response) => {
    const path = asked.url ?? ''
    if (path === '/v2/') response.end('{}')
    else if (path.includes('/manifests/')) response.writeHead(200, { 'content-type': MANIFEST }).end(toJson(manifest))
    else if (path.endsWith(digestOf(config))) response.end(config)
    else if (layer !== undefined && path.endsWith(digestOf(layer))) sendLayer(response, layer)
    else response.writeHead(404).end('{}')
  }
}

/** A list of manifests, none of which is for this host. */
export function servingElsewhere(): RegistryHandler {
  const platform = { os: 'linux', architecture: 's390x' }
  const digest = digestOf(Buffer.from('nothing'))
  const list = { schemaVersion: 2, mediaType: LIST, manifests: [{ mediaType: MANIFEST, size: 7, digest, platform }] }
  return answering(200, toJson(list), { 'content-type': LIST })
}

export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function describeBlob(kind: string, bytes: Buffer, size: number = bytes.length): object {
  const mediaType = `application/vnd.docker.${kind.startsWith('rootfs') ? `image.${kind}` : 'container.image.v1+json'}`
  return { mediaType, size, digest: digestOf(bytes) }
}

function toJson(value: object): string {
  return JSON.stringify(value)
}
