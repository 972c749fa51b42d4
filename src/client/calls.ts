import type { Readable } from 'node:stream'
import { ErrandError } from '../core/errors.ts'
import { Deadline } from '../core/wait.ts'
import type { Method, Nothing, Operation } from '../http/contract/operation.ts'
import { isUnsent, nodeUnavailable } from './connection-error.ts'
import { type Download, downloadOf } from './download.ts'
import { operationPath, type PathParams, type QueryParams } from './operation-path.ts'
import type { CallOptions, ClientDeps, ErrandClientOptions } from './options.ts'
import { RetryPatience } from './retry-patience.ts'
import { headerOf, readJson, readRefusal } from './whole-answer.ts'
import { Wire, type WireAnswer, type WireRequest } from './wire.ts'

/** What one call says, beside its operation. */
export interface CallInput extends CallOptions {
  readonly params?: PathParams
  readonly query?: QueryParams
  readonly headers?: Readonly<Record<string, string>>
  /** The body, where an operation takes none of JSON. It can be sent once. */
  readonly upload?: Readable
  /** Asked twice it does what it does once, whatever its method. */
  readonly isRepeatable?: boolean
  /** How long one attempt may take; a node that gives no answer in that time cannot be reached. */
  readonly withinMs?: number
}

/** JSON, as the operation has it; left out where that takes none, or nothing but options. */
type BodyInput<BodyIn> = Nothing extends BodyIn ? { readonly body?: BodyIn } : { readonly body: BodyIn }

/** Whether what failed may be tried again. */
interface Repetition {
  /** Done twice it has the effect of once. Otherwise only what certainly did not arrive is sent again. */
  readonly isRepeatable: boolean
  /** Not even that: a connection that failed takes the stream with it that was to be sent. */
  readonly isSentOnce?: boolean
}

export interface Answered<Value> {
  readonly status: number
  readonly value: Value
}

const DEFAULT_PATIENCE_MS = 10_000
/** What only looks is answered soon. */
const LOOK_MS = 60_000

type AnyOperation<Value, BodyIn = unknown> = Operation<Value, unknown, unknown, BodyIn>

/** Operations of /v1, called on one node: what is the same for all of them. */
export class Calls implements AsyncDisposable {
  readonly deps: ClientDeps
  readonly #wire: Wire
  readonly #patienceMs: number
  readonly #closing = new AbortController()
  /** Of everything that this client does. */
  readonly #signal: AbortSignal

  /** Does no I/O. @throws validation_failed */
  constructor(options: ErrandClientOptions, deps: ClientDeps) {
    this.deps = deps
    this.#wire = new Wire(options)
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS
    this.#signal = anyOf(this.#closing.signal, options.signal)
  }

  /** What an operation answers. @throws what `ask` throws */
  async call<Value, BodyIn>(
    operation: AnyOperation<Value, BodyIn>,
    input: CallInput & BodyInput<BodyIn>,
  ): Promise<Value> {
    return (await this.ask(operation, input)).value
  }

  /**
   * The same with its status. Asked again while that may help and does no harm.
   * @throws what the node refused it with; node_unavailable; signal.reason
   */
  async ask<Value, BodyIn>(
    operation: AnyOperation<Value, BodyIn>,
    input: CallInput & BodyInput<BodyIn>,
  ): Promise<Answered<Value>> {
    return this.patiently(input, repetitionOf(operation, input), (signal) => this.once(operation, input, signal))
  }

  /** An answer whose body is read as it comes: asked again until its head is here, and not from then on. @throws as `ask` */
  async download(operation: AnyOperation<unknown>, input: CallInput): Promise<Download> {
    return this.patiently(input, repetitionOf(operation, input), async (signal) => {
      const answer = await this.open(operation, input, signal)
      return downloadOf(answer, (error) => this.failure(error, signal))
    })
  }

  /** One attempt. */
  async once<Value, BodyIn>(
    operation: AnyOperation<Value, BodyIn>,
    input: CallInput & BodyInput<BodyIn>,
    signal: AbortSignal,
  ): Promise<Answered<Value>> {
    const { withinMs = operation.method === 'GET' ? LOOK_MS : Infinity } = input
    using deadline = this.#deadline(withinMs, signal)
    const answer = await this.#send(operation, input, deadline.signal)
    try {
      const value = await readValue(operation, answer)
      return { status: answer.statusCode, value }
    } catch (error) {
      throw error instanceof ErrandError ? error : this.#wire.failure(error, deadline.signal)
    }
  }

  /** An answer that is read as it comes, its head here already. Not asked again. @throws as `ask` does */
  async open(operation: AnyOperation<unknown>, input: CallInput, signal: AbortSignal): Promise<WireAnswer> {
    const answer = await this.#send(operation, input, signal)
    if (answer.statusCode in operation.answers) return answer
    throw await readRefusal(answer).catch((error: unknown) => this.failure(error, signal))
  }

  /** A request of no operation's making, sent once. @throws node_unavailable; signal.reason */
  send(request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    return this.#wire.send(request, signal)
  }

  /** What a failure while such an answer is read means. */
  failure(error: unknown, signal: AbortSignal): unknown {
    return error instanceof ErrandError ? error : this.#wire.failure(error, signal)
  }

  /** Ends with the first answer that is no reason to ask again. */
  async patiently<T>(
    options: CallOptions,
    { isRepeatable, isSentOnce = false }: Repetition,
    attempt: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const signal = this.signalWith(options.signal)
    const patience = this.patience(options)
    for (;;) {
      try {
        return await attempt(signal)
      } catch (error) {
        if (isSentOnce || (!isRepeatable && !isUnsent(error))) throw error
        await patience.again(error, signal)
      }
    }
  }

  /** `thenMs`: how long it lasts once the node has answered; by default the same. */
  patience({ patienceMs = this.#patienceMs }: CallOptions, thenMs?: number): RetryPatience {
    return new RetryPatience(this.deps, patienceMs, thenMs)
  }

  /** Aborts with a call's own signal, with that of the client, and when it is closed. */
  signalWith(signal: AbortSignal | undefined): AbortSignal {
    return anyOf(this.#signal, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ErrandError('cancelled', 'the client was closed'))
    await this.#wire[Symbol.asyncDispose]()
  }

  #send(
    { method, path, streamedBody }: AnyOperation<unknown>,
    { params, query, headers, body, upload }: CallInput & { readonly body?: unknown },
    signal: AbortSignal,
  ): Promise<WireAnswer> {
    const sent = upload ?? (body === undefined ? undefined : JSON.stringify(body))
    const contentType = upload === undefined ? 'application/json' : streamedBody
    return this.#wire.send(
      {
        // Operations of any method are not called through here.
        method: method as Method,
        path: operationPath(path, params, query),
        headers: {
          accept: 'application/json',
          ...(sent !== undefined && contentType !== undefined && { 'content-type': contentType }),
          ...headers,
        },
        ...(sent !== undefined && { body: sent }),
      },
      signal,
    )
  }

  #deadline(withinMs: number, signal: AbortSignal): { readonly signal: AbortSignal } & Disposable {
    if (withinMs === Infinity) return { signal, [Symbol.dispose]: () => {} }
    const late = (): ErrandError => nodeUnavailable(`the node gave no answer within ${withinMs / 1000} s`)
    return new Deadline(this.deps.clock, withinMs, late, signal)
  }
}

function repetitionOf({ method }: AnyOperation<unknown>, { isRepeatable, upload }: CallInput): Repetition {
  return { isRepeatable: isRepeatable ?? method === 'GET', isSentOnce: upload !== undefined }
}

async function readValue<Value>(operation: AnyOperation<Value>, answer: WireAnswer): Promise<Value> {
  const expected = operation.answers[answer.statusCode]
  if (expected === undefined) throw await readRefusal(answer)
  if (expected.value === undefined) {
    await answer.body.dump()
    return undefined as Value
  }
  const contentType = headerOf(answer, 'content-type')
  if (!contentType.startsWith('application/json')) throw await readRefusal(answer)
  // What it holds is the node's word: checked against a schema, a newer node's words would be refused here.
  return (await readJson(answer)) as Value
}

function anyOf(signal: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? signal : AbortSignal.any([signal, other])
}
