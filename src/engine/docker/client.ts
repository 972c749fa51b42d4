import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { Deadline } from '../../core/wait.ts'
import { negotiate } from './api-version.ts'
import { type EngineOperation, engineError, noAnswer } from './errors.ts'
import { ResponseStream } from './response-stream.ts'
import { Wire, type WireRequest } from './wire.ts'

/** How long the Engine may take to answer, in milliseconds. */
export interface EngineDeadlines {
  readonly pingMs: number
  /** Calls that only look. */
  readonly inspectMs: number
  /** Create, start, remove and other calls that change something. */
  readonly changeMs: number
}

const DEADLINES: EngineDeadlines = { pingMs: 2_000, inspectMs: 10_000, changeMs: 60_000 }

export interface DockerRequest {
  readonly operation: EngineOperation
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Without the version prefix; its parts escaped. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Beside those that every call has. May hold secrets: never logged, never part of an error. */
  readonly headers?: Readonly<Record<string, string>>
  /** Statuses from 400 up that are an answer and no failure. */
  readonly accept?: readonly number[]
  /** Answers only when something happens: must not hold a connection that short calls need. */
  readonly isLong?: boolean
}

export interface DockerReply {
  readonly status: number
  readonly body: string
}

export interface DockerClientOptions {
  readonly socketPath: string
  readonly clock?: Clock
  readonly deadlines?: EngineDeadlines
}

/** HTTP to one Docker Engine over its unix socket. Knows the wire, not what the calls mean. Disposing cuts every call. */
export class DockerClient implements AsyncDisposable {
  readonly deadlines: EngineDeadlines
  readonly socketPath: string
  readonly #clock: Clock
  readonly #wire: Wire
  #prefix = ''

  private constructor(options: DockerClientOptions) {
    this.deadlines = options.deadlines ?? DEADLINES
    this.socketPath = options.socketPath
    this.#clock = options.clock ?? systemClock
    this.#wire = new Wire(options.socketPath)
  }

  /** @throws engine_unavailable when none answers, or only one that is too old */
  static async open(options: DockerClientOptions, signal: AbortSignal): Promise<DockerClient> {
    const client = new DockerClient(options)
    try {
      const request = { operation: 'ping', method: 'GET', path: '/_ping' } as const
      const apiVersion = await client.#within(client.deadlines.pingMs, request, signal, async (limited) => {
        const response = await client.#send(request, limited)
        await text(response)
        return response.headers['api-version']
      })
      client.#prefix = `/v${negotiate(String(apiVersion))}`
      return client
    } catch (error) {
      await client[Symbol.asyncDispose]()
      throw error
    }
  }

  /**
   * Whether it takes new connections. One that is going down does not, while it ends its containers, and still answers on
   * those that it has. @throws engine_unavailable
   */
  async assertListening(signal: AbortSignal): Promise<void> {
    const request = { operation: 'probe', method: 'GET', path: '' } as const
    await this.#within(this.deadlines.pingMs, request, signal, async (limited) => {
      const socket = connect(this.socketPath)
      try {
        await once(socket, 'connect', { signal: limited })
      } finally {
        socket.destroy()
      }
    })
  }

  /** One call that looks at something. @throws engine_unavailable, or what the Engine refused with */
  async look(request: DockerRequest, signal: AbortSignal): Promise<DockerReply> {
    return this.#call(request, this.deadlines.inspectMs, signal)
  }

  /** One call that changes something. After `engine_unavailable` it may have taken effect. */
  async change(request: DockerRequest, signal: AbortSignal): Promise<DockerReply> {
    return this.#call(request, this.deadlines.changeMs, signal)
  }

  /**
   * An answer that is read as it comes; the caller disposes it. `headersMs` covers the wait for its beginning;
   * undefined waits on.
   */
  async stream(request: DockerRequest, headersMs: number | undefined, signal: AbortSignal): Promise<ResponseStream> {
    const open = async (limited: AbortSignal): Promise<IncomingMessage> => {
      const response = await this.#send({ ...request, isLong: true }, limited)
      const { statusCode = 0 } = response
      if (statusCode >= 400) throw refusal(request, statusCode, await text(response))
      return response
    }
    const body = await (headersMs === undefined
      ? this.#inOurErrors(request, signal, () => open(signal))
      : this.#within(headersMs, request, signal, open))
    return new ResponseStream(body, (error) => toErrandError(error, request, signal))
  }

  /** Takes over the connection of one call, as attaching does. Dispose the socket by destroying it. */
  async hijack(request: DockerRequest, signal: AbortSignal): Promise<Duplex> {
    const refused = (status: number, body: string): ErrandError => refusal(request, status, body)
    return this.#within(this.deadlines.inspectMs, request, signal, (limited) =>
      this.#wire.upgrade(this.#onWire(request), refused, limited),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wire[Symbol.dispose]()
  }

  async #call(request: DockerRequest, deadlineMs: number, signal: AbortSignal): Promise<DockerReply> {
    return this.#within(deadlineMs, request, signal, async (limited) => {
      const response = await this.#send(request, limited)
      const { statusCode = 0 } = response
      const reply = { status: statusCode, body: await text(response) }
      if (statusCode < 400 || request.accept?.includes(statusCode) === true) return reply
      throw refusal(request, statusCode, reply.body)
    })
  }

  async #within<T>(
    deadlineMs: number,
    request: DockerRequest,
    signal: AbortSignal,
    work: (limited: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = (): ErrandError => noAnswer(`${describe(request)} within ${deadlineMs / 1000} s`)
    using deadline = new Deadline(this.#clock, deadlineMs, late, signal)
    return await this.#inOurErrors(request, deadline.signal, () => work(deadline.signal))
  }

  async #inOurErrors<T>(request: DockerRequest, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      throw toErrandError(error, request, signal)
    }
  }

  #send(request: DockerRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#wire.send(this.#onWire(request), request.isLong === true, signal)
  }

  #onWire(request: DockerRequest): WireRequest {
    const query = request.query === undefined ? '' : `?${new URLSearchParams(request.query).toString()}`
    return {
      method: request.method,
      path: `${this.#prefix}${request.path}${query}`,
      headers: { 'content-type': 'application/json', ...request.headers },
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
    }
  }
}

function toErrandError(error: unknown, request: DockerRequest, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  return error instanceof ErrandError ? error : noAnswer(describe(request), error)
}

function refusal(request: DockerRequest, status: number, body: string): ErrandError {
  return engineError(request.operation, status, messageOf(body))
}

function messageOf(body: string): string {
  try {
    const answer: unknown = JSON.parse(body)
    if (typeof answer === 'object' && answer !== null && 'message' in answer) return String(answer.message)
  } catch {
    // Not JSON: a proxy, or no Docker Engine at all. Its own words say most.
  }
  return body
}

function describe(request: DockerRequest): string {
  return `${request.method} ${request.path}`
}
