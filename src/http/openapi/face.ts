import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type GuardOptions, RequestGuard } from '../guards.ts'
import { type MeteringDeps, meterRequest, OTHER_ROUTE } from '../http-meter.ts'
import { unlessRead } from '../read-only.ts'
import { type Answer, refusal, refuse } from '../refusal.ts'
import { type AnyOperation, type OpenApiDocument, openApiDocument } from './document.ts'
import { docsPage } from './page.ts'
import { STYLE } from './style.ts'

export interface DocsOptions extends GuardOptions, MeteringDeps {
  readonly operations: readonly AnyOperation[]
  /** Of Errand. */
  readonly version: string
}

const NOT_FOUND = refusal(404, 'there is nothing at this path')

/** No script at all, no frame around it, and nothing from elsewhere. */
const SECURE = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/**
 * `/openapi.json` and `/docs`: the description of /v1, for programs and for people. It is the same for every node of one
 * version, so nobody is asked who they are. Made at the first request.
 */
export function docsHandler(options: DocsOptions): RequestListener {
  const guard = new RequestGuard(options)
  const pages = new DocsPages(options)
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? ''
    const page = guard.check(request) ?? pages.find(path)
    meterRequest(options, 'docs', 'text' in page ? path : OTHER_ROUTE, request, response)
    const refused = 'text' in page ? unlessRead(request.method) : page
    if (refused !== undefined) refuse(request, response, refused)
    else if ('text' in page) send(request, response, page)
  }
}

interface Page {
  readonly contentType: string
  readonly text: string
}

class DocsPages {
  readonly #options: DocsOptions
  readonly #made = new Map<string, Page>()
  #document: OpenApiDocument | undefined

  constructor(options: DocsOptions) {
    this.#options = options
  }

  find(path: string): Page | Answer {
    const known = this.#made.get(path) ?? this.#make(path)
    if (known === undefined) return NOT_FOUND
    this.#made.set(path, known)
    return known
  }

  #make(path: string): Page | undefined {
    const { operations, version } = this.#options
    if (path === '/docs/style.css') return { contentType: 'text/css; charset=utf-8', text: STYLE }
    if (path !== '/openapi.json' && path !== '/docs') return undefined
    this.#document ??= openApiDocument(operations, version)
    if (path === '/docs') return { contentType: 'text/html; charset=utf-8', text: docsPage(this.#document) }
    return { contentType: 'application/json', text: `${JSON.stringify(this.#document)}\n` }
  }
}

function send({ method }: IncomingMessage, response: ServerResponse, { contentType, text }: Page): void {
  response.writeHead(200, { ...SECURE, 'content-type': contentType, 'content-length': Buffer.byteLength(text) })
  response.end(method === 'HEAD' ? undefined : text)
}
