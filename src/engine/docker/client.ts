import { once } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Dispatcher, Pool } from 'undici'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { Deadline } from '../../core/wait.ts'
import { negotiate } from './api-version.ts'
import { type EngineOperation, engineError, noAnswer } from './errors.ts'
import { Hijack } from './hijack.ts'
import { ResponseStream } from './response-stream.ts'

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
  readonly #control: Pool
  /** Followers and pulls have connections of their own, so that they never starve control calls. */
  readonly #long: Pool
  readonly #hijacked = new Set<Duplex>()
  #prefix = ''

  private constructor(options: DockerClientOptions) {
    this.deadlines = options.deadlines ?? DEADLINES
    this.socketPath = options.socketPath
    this.#clock = options.clock ?? systemClock
    // Our own deadlines cover whole calls; undici's would also end a follower that has nothing to say.
    const pool = { socketPath: options.socketPath, headersTimeout: 0, bodyTimeout: 0, allowH2: false }
    this.#control = new Pool('http://docker', { ...pool, connections: 64 })
    this.#long = new Pool('http://docker', pool)
  }

  /** @throws engine_unavailable when none answers, or only one that is too old */
  static async open(options: DockerClientOptions, signal: AbortSignal): Promise<DockerClient> {
    const client = new DockerClient(options)
    try {
      const request = { operation: 'ping', method: 'GET', path: '/_ping' } as const
      const apiVersion = await client.#within(client.deadlines.pingMs, request, signal, async (limited) => {
        const { headers, body } = await client.#send(request, limited)
        await body.dump()
        return headers['api-version']
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
    const open = async (limited: AbortSignal): Promise<Dispatcher.ResponseData> => {
      const response = await this.#send({ ...request, isLong: true }, limited)
      if (response.statusCode >= 400) throw refusal(request, response.statusCode, await text(response.body))
      return response
    }
    const { body } = await (headersMs === undefined
      ? this.#settle(request, signal, () => open(signal))
      : this.#within(headersMs, request, signal, open))
    return new ResponseStream(body, (error) => toErrandError(error, request, signal))
  }

  /** Takes over the connection of one call, as attaching does. Dispose the socket by destroying it. */
  async hijack(request: DockerRequest, signal: AbortSignal): Promise<Duplex> {
    const socket = await this.#within(this.deadlines.inspectMs, request, signal, (limited) => {
      const hijack = new Hijack((status, body) => refusal(request, status, body), limited)
      this.#long.dispatch({ ...this.#options(request), upgrade: 'tcp' }, hijack)
      return hijack.socket
    })
    this.#hijacked.add(socket)
    socket.once('close', () => this.#hijacked.delete(socket))
    return socket
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#hijacked) socket.destroy()
    await Promise.all([this.#control.destroy(), this.#long.destroy()])
  }

  async #call(request: DockerRequest, deadlineMs: number, signal: AbortSignal): Promise<DockerReply> {
    return this.#within(deadlineMs, request, signal, async (limited) => {
      const { statusCode, body } = await this.#send(request, limited)
      const reply = { status: statusCode, body: await text(body) }
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
    return await this.#settle(request, deadline.signal, () => work(deadline.signal))
  }

  async #settle<T>(request: DockerRequest, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      throw toErrandError(error, request, signal)
    }
  }

  async #send(request: DockerRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const pool = request.isLong === true ? this.#long : this.#control
    return pool.request({ ...this.#options(request), signal })
  }

  #options(request: DockerRequest): Dispatcher.DispatchOptions {
    const query = request.query === undefined ? '' : `?${new URLSearchParams(request.query).toString()}`
    return {
      method: request.method,
      path: `${this.#prefix}${request.path}${query}`,
      headers: { 'content-type': 'application/json', ...request.headers },
      body: request.body === undefined ? null : JSON.stringify(request.body),
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
