import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Deadlines } from '../../core/deadlines.ts'
import { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { withAccessLog } from '../access-log.ts'
import { noMemory, toAnswerable } from '../answerable.ts'
import { type Authenticate, requireScope } from '../auth.ts'
import { breakOff } from '../cut.ts'
import { cancelOnDisconnect } from '../disconnect.ts'
import { RequestGuard } from '../guards.ts'
import { type HttpMeter, meterRequest, OTHER_ROUTE } from '../http-meter.ts'
import { type JsonObject, parseJsonObject } from '../json-body.ts'
import type { Outbox } from '../outbox.ts'
import { problemAnswer, problemOf } from '../problem.ts'
import { type Answer, refuse } from '../refusal.ts'
import { type BodyLimits, gatherBody } from '../request-body.ts'
import { recheck } from './recheck.ts'
import type { Reply, V1Deps } from './route.ts'
import { type Matched, RouteTable, readQuery } from './route-table.ts'
import { V1_ROUTES } from './routes.ts'
import { SECURE } from './secure.ts'

export interface V1Options extends V1Deps {
  /** Who sent a request. */
  readonly authenticate: Authenticate
  /** False for a unix socket, which needs no guard against browsers. */
  readonly isTcp: boolean
  readonly allowedHosts: readonly string[]
  readonly outbox: Outbox
  readonly log: Log
  readonly accessLog: boolean
  readonly meter?: HttpMeter | undefined
}

/** Room for a task with its scripts. */
const MOST_BODY_BYTES = 1024 * 1024
const TAKE_BODIES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** Errand's own HTTP interface, for one listener. */
export function v1Handler(options: V1Options): RequestListener {
  const face = new V1Face(options)
  const listener: RequestListener = (request, response) => void face.handle(request, response)
  return options.accessLog ? withAccessLog(listener, options.log, options.clock) : listener
}

class V1Face {
  readonly #options: V1Options
  readonly #guard: RequestGuard
  readonly #table = new RouteTable(V1_ROUTES)
  readonly #bodyLimits: BodyLimits
  /** Of callers who may lose what they may: no timer for each of them. */
  readonly #deadlines: Deadlines

  constructor(options: V1Options) {
    this.#options = options
    this.#guard = new RequestGuard(options)
    this.#deadlines = new Deadlines(options.clock)
    this.#bodyLimits = { limitBytes: MOST_BODY_BYTES, budget: options.bodies, word: problemOf }
  }

  /** Answers every failure itself, so it never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path, query] = splitTarget(request.url ?? '')
    const found = this.#table.match(request.method, path)
    const isPassedThrough = 'route' in found && found.route.operation.streamedBody === '*'
    const matched = this.#guard.check(request, isPassedThrough) ?? found
    const name = 'route' in matched ? matched.route.operation.path : OTHER_ROUTE
    meterRequest(this.#options, 'v1', name, request, response)
    if (!('route' in matched)) refuse(request, response, secured(problemOf(matched)))
    else await this.#answer(request, response, matched, query).catch((error) => this.#fail(request, response, error))
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    { route, id, tail }: Matched,
    queryText: string,
  ): Promise<void> {
    // Before anything is awaited: that a caller left is told once.
    const cancellation = cancelOnDisconnect(response)
    const { authenticate } = this.#options
    const principal = await authenticate(request)
    const { scope, streamedBody, method } = route.operation
    requireScope(principal, scope)
    const check = async (): Promise<void> => requireScope(await authenticate(request), scope)
    using _allowed = recheck(this.#deadlines, check, (reason) => cancellation.cancel(reason))
    const query = method === 'ANY' ? {} : readQuery(queryText, route.operation.repeated)
    const isGathered = streamedBody === undefined && TAKE_BODIES.has(request.method ?? '')
    const body = isGathered ? await this.#gather(request, response, cancellation.signal) : {}
    const exchange = { request, response, principal, id, tail, queryText, query, body, cancellation }
    const reply = await route.run(exchange, this.#options)
    if (reply !== undefined) this.#send(response, reply)
    else if (response.writableEnded) this.#options.outbox.watch(response)
  }

  /** @throws validation_failed for what is no JSON object; queue_full without memory for it; signal.reason */
  async #gather(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<JsonObject> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      // What is refused for its size is answered there and then; the end of that answer ends this too.
      response.once('close', () => reject(signal.reason ?? noMemory()))
      const onBody = (body: Buffer): void => {
        const parsed = body.length === 0 ? {} : parseJsonObject(body)
        if (parsed === undefined) reject(new ErrandError('validation_failed', 'the body must be a JSON object'))
        else resolve(parsed)
      }
      gatherBody(request, response, this.#bodyLimits, onBody, () => reject(noMemory()))
    })
  }

  #send(response: ServerResponse, { status, value, headers }: Reply): void {
    const json = value === undefined ? undefined : JSON.stringify(value)
    response.writeHead(status, {
      ...SECURE,
      ...headers,
      ...(json !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }),
    })
    response.end(json)
    this.#options.outbox.watch(response)
  }

  /** What has begun to be answered can only be cut off: then its reader knows that it has not got everything. */
  #fail(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    if (response.closed) return
    const error = toAnswerable(thrown)
    if (error.code === 'internal') this.#options.log.error({ err: thrown }, 'a request failed for a fault of ours')
    if (response.headersSent) breakOff(response)
    else refuse(request, response, secured(problemAnswer(error)))
  }
}

/** Path and query, as they came. */
function splitTarget(url: string): [string, string] {
  const at = url.indexOf('?')
  return at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

function secured(answer: Answer): Answer {
  return { ...answer, headers: { ...SECURE, ...answer.headers } }
}
