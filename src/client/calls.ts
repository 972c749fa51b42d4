import type { Readable } from 'node:stream'
import { ErrandError } from '../core/errors.ts'
import { Deadline } from '../core/wait.ts'
import type { Method, Nothing, Operation } from '../http/contract/operation.ts'
import { isUnsent, nodeUnavailable } from './connection-error.ts'
import { operationPath, type PathParams, type QueryParams } from './operation-path.ts'
import type { CallOptions, ClientDeps, ErrandClientOptions } from './options.ts'
import { Patience } from './patience.ts'
import { headerOf, readJson, readRefusal } from './whole-answer.ts'
import { Wire, type WireAnswer, type WireRequest } from './wire.ts'

/** What one call says, beside its operation. */
export interface CallInput extends CallOptions {
  readonly params?: PathParams
  readonly query?: QueryParams
  readonly headers?: Readonly<Record<string, string>>
  /** Asked twice it does what it does once, whatever its method. */
  readonly isRepeatable?: boolean
  /** How long one attempt may take; a node that gives no answer in that time cannot be reached. */
  readonly withinMs?: number
}

/** JSON, as the operation has it; left out where that takes none, or nothing but options. */
type BodyInput<BodyIn> = Nothing extends BodyIn ? { readonly body?: BodyIn } : { readonly body: BodyIn }

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
    const signal = this.signalWith(input.signal)
    const patience = this.patience(input)
    const isRepeatable = input.isRepeatable ?? operation.method === 'GET'
    for (;;) {
      try {
        return await this.once(operation, input, signal)
      } catch (error) {
        if (!isRepeatable && !isUnsent(error)) throw error
        await patience.again(error, signal)
      }
    }
  }

  /** One attempt. */
  async once<Value, BodyIn>(
    operation: AnyOperation<Value, BodyIn>,
    input: CallInput & BodyInput<BodyIn>,
    signal: AbortSignal,
  ): Promise<Answered<Value>> {
    const { withinMs = operation.method === 'GET' ? LOOK_MS : Infinity, body } = input
    using deadline = this.#deadline(withinMs, signal)
    const json = body === undefined ? {} : { body: JSON.stringify(body), contentType: 'application/json' }
    const answer = await this.#send(operation, input, json, deadline.signal)
    try {
      const value = await readValue(operation, answer)
      return { status: answer.statusCode, value }
    } catch (error) {
      throw error instanceof ErrandError ? error : this.#wire.failure(error, deadline.signal)
    }
  }

  /** An answer that is read as it comes, its head here already. Not asked again. @throws as `ask` does */
  async open(
    operation: AnyOperation<unknown>,
    input: CallInput & { readonly body?: Readable; readonly contentType?: string },
    signal: AbortSignal,
  ): Promise<WireAnswer> {
    const answer = await this.#send(operation, input, input, signal)
    if (answer.statusCode in operation.answers) return answer
    throw await this.#refusalOf(answer, signal)
  }

  /** What a failure while such an answer is read means. */
  failure(error: unknown, signal: AbortSignal): unknown {
    return error instanceof ErrandError ? error : this.#wire.failure(error, signal)
  }

  /** `thenMs`: how long it lasts once the node has answered; by default the same. */
  patience({ patienceMs = this.#patienceMs }: CallOptions, thenMs?: number): Patience {
    return new Patience(this.deps, patienceMs, thenMs)
  }

  /** Aborts with a call's own signal, with that of the client, and when it is closed. */
  signalWith(signal: AbortSignal | undefined): AbortSignal {
    return anyOf(this.#signal, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ErrandError('cancelled', 'the client was closed'))
    await this.#wire[Symbol.asyncDispose]()
  }

  async #send(
    { method, path }: AnyOperation<unknown>,
    { params, query, headers }: CallInput,
    { body, contentType }: { readonly body?: string | Readable; readonly contentType?: string },
    signal: AbortSignal,
  ): Promise<WireAnswer> {
    const request: WireRequest = {
      // Operations of any method are not called through here.
      method: method as Method,
      path: operationPath(path, params, query),
      headers: { accept: 'application/json', ...headers, ...(contentType && { 'content-type': contentType }) },
      ...(body !== undefined && { body }),
    }
    return this.#wire.send(request, signal)
  }

  async #refusalOf(answer: WireAnswer, signal: AbortSignal): Promise<unknown> {
    return readRefusal(answer).catch((error: unknown) => this.failure(error, signal))
  }

  #deadline(withinMs: number, signal: AbortSignal): { readonly signal: AbortSignal } & Disposable {
    if (withinMs === Infinity) return { signal, [Symbol.dispose]: () => {} }
    const late = (): ErrandError => nodeUnavailable(`the node gave no answer within ${withinMs / 1000} s`)
    return new Deadline(this.deps.clock, withinMs, late, signal)
  }
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
