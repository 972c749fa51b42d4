import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Cancellation } from '../core/cancellation.ts'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { Grant, Invocation, NodeApi, NodeStats, TaskAnswer } from '../service/node-api.ts'
import { ByteBudget } from '../util/byte-budget.ts'
import type { CertificateFiles } from './certificate.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { Listeners } from './listeners.ts'
import { type MecaOptions, mecaHandler } from './meca/face.ts'
import { Outbox } from './outbox.ts'

// For the tests of this folder: a node that is a plain object, a served face, and clients that hide nothing.

const STATS: NodeStats = {
  host: { cpuMillis: 2000, memoryBytes: 4096 * 1024 ** 2, cpuUsed: 0.5, memoryUsed: 1 / 3 },
  offered: { cpuMillis: 1500, memoryBytes: 1024 * 1024 ** 2, gpus: 2 },
  leased: { cpuMillis: 500, memoryBytes: 256 * 1024 ** 2, gpus: 1 },
  gpuModel: 'none',
}

const GRANT: Grant = {
  cpuMillis: 1500,
  memoryBytes: 1024 * 1024 ** 2,
  keepAliveMs: 60_000,
  hasGpu: false,
  microVmRuntime: undefined,
}

function unasked(): never {
  throw new Error('nobody asks for this here')
}

/** Echoes the input, remembers what it was asked, and does otherwise as its tests say. */
export function fakeNode(overrides: Partial<NodeApi> = {}): NodeApi & { readonly invocations: Invocation[] } {
  const invocations: Invocation[] = []
  return {
    invocations,
    forward: async () => {},
    instances: () => [],
    removeInstance: () => {},
    pause: async () => {},
    unpause: async () => {},
    reconfigure: async (grant: Grant) => grant,
    stats: () => STATS,
    config: { grant: GRANT, kept: undefined },
    adjust: async (change) => ({ grant: { ...GRANT, ...change }, kept: undefined }),
    describe: unasked,
    loadConfig: unasked,
    stop: async () => {},
    ...overrides,
    invoke: async (invocation: Invocation, cancellation: Cancellation): Promise<TaskAnswer> => {
      invocations.push(invocation)
      if (overrides.invoke !== undefined) return overrides.invoke(invocation, cancellation)
      return { status: 200, body: Buffer.from(invocation.body) }
    },
  }
}

export interface ServedFace extends AsyncDisposable {
  readonly port: number
  readonly listeners: Listeners
}

/** The face on a TCP port of its own. */
export async function serveFace(
  options: Partial<MecaOptions> & Pick<MecaOptions, 'node'>,
  limits: Partial<ConnectionLimits> = {},
  tls?: CertificateFiles,
): Promise<ServedFace> {
  const log = options.log ?? silentLog
  const handler = mecaHandler({
    caller: { id: 'meca' },
    hasControl: true,
    isTcp: true,
    allowedHosts: [],
    maxRequestBytes: 64 * 1024,
    bodies: new ByteBudget(64 * 1024 * 1024),
    outbox: new Outbox(systemClock, log, new ByteBudget(64 * 1024 * 1024)),
    strictCompat: false,
    accessLog: false,
    ...options,
    log,
  })
  const address = { host: '127.0.0.1', port: 0 }
  const listeners = await Listeners.open(
    [{ address, isLoopback: true, faces: new Set(['meca']), auth: 'none', hasControl: true, ...(tls && { tls }) }],
    { handlerFor: () => handler, clock: systemClock, log, limits },
    new AbortController().signal,
  )
  const [real] = listeners.addresses
  if (real === undefined || !('port' in real)) throw new Error('a TCP listener has a port')
  return { port: real.port, listeners, [Symbol.asyncDispose]: () => listeners[Symbol.asyncDispose]() }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly body?: string | Buffer
  readonly headers?: OutgoingHttpHeaders
  readonly signal?: AbortSignal
  readonly socketPath?: string
}

/** One request on a connection of its own. */
export function ask(port: number, { method = 'POST', path = '/', body, ...rest }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, agent: false, ...rest }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      })
    })
    request.once('error', reject)
    request.end(body)
  })
}

/** A connection on which bytes are written as they are. */
export class RawConnection implements Disposable {
  readonly socket: Socket
  /** The system's code for what went wrong with it, such as a reset. */
  failure: string | undefined
  readonly #ended: Promise<void>
  #received = ''
  #onReceived: () => void = () => {}

  /** `from` is another address of this host, to be another peer. */
  constructor(port: number, from = '127.0.0.1') {
    this.socket = connect({ port, host: '127.0.0.1', localAddress: from })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (text: string) => {
      this.#received += text
      this.#onReceived()
    })
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = error.code
    })
    this.#ended = new Promise((resolve) => this.socket.once('close', () => resolve()))
  }

  write(...parts: readonly string[]): void {
    this.socket.write(parts.join('\r\n'), 'latin1')
  }

  /** All that came, once `text` is in it. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) await this.next()
    return this.#received
  }

  /** The same, once it is in it so often. */
  async untilTimes(text: string, times: number): Promise<string> {
    while (this.#received.split(text).length <= times) await this.next()
    return this.#received
  }

  /** Resolves when more has come. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReceived = resolve
    })
  }

  /** All that came until the server closed the connection. */
  async untilClosed(): Promise<string> {
    await this.#ended
    return this.#received
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

/** Everything that the server answers to these bytes, until it closes the connection. */
export async function exchange(port: number, ...parts: readonly string[]): Promise<string> {
  using connection = new RawConnection(port)
  connection.write(...parts)
  return await connection.untilClosed()
}
