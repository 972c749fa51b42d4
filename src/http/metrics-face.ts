import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { withAccessLog } from './access-log.ts'
import { type Authenticate, requireScope } from './auth.ts'
import { RequestGuard } from './guards.ts'
import { type HttpMeter, meterRequest, OTHER_ROUTE } from './http-meter.ts'
import type { Outbox } from './outbox.ts'
import { problemAnswer, problemOf } from './problem.ts'
import { unlessRead } from './read-only.ts'
import { refusal, refuse } from './refusal.ts'

/** All that is measured, as a scraper takes it. */
export interface Exposition {
  readonly contentType: string
  /** What it is at this moment. */
  text(): Promise<string>
}

export interface MetricsFaceOptions {
  readonly exposition: Exposition
  /** Who sent a request; it needs the scope `read`. */
  readonly authenticate: Authenticate
  /** False for a unix socket, which needs no guard against browsers. */
  readonly isTcp: boolean
  readonly allowedHosts: readonly string[]
  readonly outbox: Outbox
  readonly meter?: HttpMeter | undefined
  readonly clock: Clock
  readonly log: Log
  readonly accessLog: boolean
}

const PATH = '/metrics'
const NOT_FOUND = refusal(404, 'there is nothing at this path')

/** `GET /metrics`, for one listener. */
export function metricsHandler(options: MetricsFaceOptions): RequestListener {
  const face = new MetricsFace(options)
  const listener: RequestListener = (request, response) => void face.handle(request, response)
  return options.accessLog ? withAccessLog(listener, options.log, options.clock) : listener
}

class MetricsFace {
  readonly #options: MetricsFaceOptions
  readonly #guard: RequestGuard

  constructor(options: MetricsFaceOptions) {
    this.#options = options
    this.#guard = new RequestGuard(options)
  }

  /** Answers every failure itself, so it never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isHere = isAt(PATH, request.url)
    meterRequest(this.#options, 'metrics', isHere ? PATH : OTHER_ROUTE, request, response)
    const refused = this.#guard.check(request) ?? (isHere ? unlessRead(request.method) : NOT_FOUND)
    if (refused !== undefined) refuse(request, response, problemOf(refused))
    else await this.#answer(request, response).catch((error) => this.#fail(request, response, error))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authenticate, exposition, outbox } = this.#options
    requireScope(await authenticate(request), 'read')
    const text = await exposition.text()
    response.writeHead(200, {
      'content-type': exposition.contentType,
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    response.end(text)
    outbox.watch(response)
  }

  #fail(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    if (response.closed) return
    if (!(thrown instanceof ErrandError)) this.#options.log.error({ err: thrown }, 'what is measured cannot be told')
    const error = thrown instanceof ErrandError ? thrown : new ErrandError('internal', 'see the log of the node')
    refuse(request, response, problemAnswer(error))
  }
}

function isAt(path: string, url = ''): boolean {
  return url === path || url.startsWith(`${path}?`)
}
