import { Readable } from 'node:stream'
import { type Dispatcher, Pool } from 'undici'
import { ErrandError } from '../core/errors.ts'
import { type NodeAddress, parseAddress } from './address.ts'
import { connectionError } from './connection-error.ts'
import { type Credentials, credentialsOf } from './credentials.ts'
import type { ErrandClientOptions } from './options.ts'
import { Upload } from './upload.ts'

export interface WireRequest {
  readonly method: Dispatcher.HttpMethod
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Readable
}

/** Its body is to be read to the end or destroyed, or the connection stays taken. */
export type WireAnswer = Dispatcher.ResponseData

const DEFAULT_URL = 'unix:///run/errand/errand.sock'
const CONNECT_MS = 10_000

/**
 * HTTP to one node, whatever is asked of it. Opens connections as they are needed, follows no redirect, and so shows the
 * token to no other host. Disposing cuts every connection.
 */
export class Wire implements AsyncDisposable {
  readonly #address: NodeAddress
  readonly #credentials: Credentials
  readonly #pool: Pool

  /** Does no I/O. @throws validation_failed */
  constructor(options: ErrandClientOptions) {
    this.#address = parseAddress(options.url ?? DEFAULT_URL)
    const { origin, socketPath } = this.#address
    this.#credentials = credentialsOf(options)
    this.#pool = new Pool(origin, {
      // How long an answer may take is the caller's to say.
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: {
        timeout: CONNECT_MS,
        ...(socketPath !== undefined && { socketPath }),
        ...(options.ca !== undefined && { ca: options.ca }),
      },
    })
  }

  /** One request, sent once. @throws node_unavailable; signal.reason; what a streamed body failed with */
  async send(request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    const upload = request.body instanceof Readable ? new Upload(request.body) : undefined
    try {
      signal.throwIfAborted()
      const authorization = await this.#credentials()
      const headers = { ...request.headers, ...(authorization !== undefined && { authorization }) }
      return await this.#pool.request({ ...request, body: upload?.body ?? request.body ?? null, headers, signal })
    } catch (error) {
      upload?.abandon()
      if (upload?.failure !== undefined) throw upload.failure.reason
      throw error instanceof ErrandError ? error : this.failure(error, signal)
    }
  }

  /** What it means that a connection failed under a request or its answer. */
  failure(error: unknown, signal: AbortSignal): unknown {
    return signal.aborted ? signal.reason : connectionError(error, this.#address.text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy()
  }
}
