import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Cancellation } from '../core/cancellation.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import type { Connections } from './connections.ts'
import { explainFailure } from './failures.ts'

/** No connection could be made, so that the request cannot have had any effect: another instance may be asked. */
export interface Unsent {
  readonly unsent: ErrandError
}

/** What takes the answer of one exchange. Disposed once that is over, however it has ended. */
export interface Receiver<T> extends Disposable {
  begin(head: AnswerHead, control: ExchangeControl): void
  take(chunk: Buffer, control: ExchangeControl): void
  /** The answer is whole. The result is that of the exchange. */
  end(trailers: readonly string[]): T
}

export interface AnswerHead {
  readonly status: number
  /** Of the body; undefined where the task has not said. */
  readonly contentLength: number | undefined
  /** Names and values in turn, as the task has sent them. */
  headers(): readonly string[]
}

/** What a receiver may do with the exchange that it receives from. */
export interface ExchangeControl {
  /** Ends it; nothing more comes. */
  fail(error: ErrandError): void
  /** Listens to the task no more until `resume`; what is under way still comes. */
  pause(): void
  resume(): void
}

/** A server may say that it goes on working, but not without end. */
const MOST_INFORMATIONAL = 16

/** Failures of the instance, in contrast to its removal by us or to a shortage of this host. */
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set(['task_connection_closed', 'task_gone'])

/**
 * Sends one request and hands its answer to `receiver`. Redirects are not followed, bodies not decompressed. A request of
 * which a byte was sent is never sent again: it may have had its effect.
 * @throws task_connection_closed, bad_task_response; resources_exhausted when this host could make no connection; what the
 * receiver fails with; the cancellation's reason
 */
export function exchangeWith<T>(
  connections: Connections,
  request: Dispatcher.DispatchOptions,
  receiver: Receiver<T>,
  cancellation: Cancellation,
): Promise<T | Unsent> {
  return new Promise((resolve, reject) => {
    connections.dispatch(request, new TaskExchange(receiver, cancellation, { resolve, reject }))
  })
}

/** Where an exchange ends, once. */
interface Ending<T> {
  resolve(outcome: T | Unsent): void
  reject(error: unknown): void
}

class TaskExchange<T> implements Dispatcher.DispatchHandler, ExchangeControl {
  readonly #receiver: Receiver<T>
  readonly #cancellation: Cancellation
  readonly #ending: Ending<T>
  #controller: Dispatcher.DispatchController | undefined
  #informational = 0
  #hasBegun = false
  #isSettled = false

  constructor(receiver: Receiver<T>, cancellation: Cancellation, ending: Ending<T>) {
    this.#receiver = receiver
    this.#cancellation = cancellation
    this.#ending = ending
    // Before dispatch: a request that still waits for a connection has no controller yet.
    cancellation.handOver((reason) => this.fail(reason))
  }

  fail(error: ErrandError): void {
    if (!this.#settle()) return
    this.#ending.reject(error)
    this.#controller?.abort(error)
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    if (!this.#isSettled) this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isSettled) controller.abort(this.#cancellation.reason ?? new Error('settled'))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    { 'content-length': announced }: IncomingHttpHeaders,
  ): void {
    if (status < 200) {
      this.#informational += 1
      if (this.#informational > MOST_INFORMATIONAL) this.fail(endlessPrelude())
      return
    }
    this.#hasBegun = true
    const contentLength = announced === undefined ? undefined : Number(announced)
    const head = { status, contentLength, headers: () => asText(controller.rawHeaders) }
    this.#receive(() => this.#receiver.begin(head, this))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receive(() => this.#receiver.take(chunk, this))
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#isSettled) return
    let result: T
    try {
      result = this.#receiver.end(asText(controller.rawTrailers))
    } catch (error) {
      this.fail(ErrandError.from(error))
      return
    }
    if (this.#settle()) this.#ending.resolve(result)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const explained = explainFailure(error, this.#hasBegun)
    const isUnsent = this.#controller === undefined && UNREACHABLE.has(explained.code)
    if (!isUnsent) this.fail(explained)
    else if (this.#settle()) this.#ending.resolve({ unsent: explained })
  }

  onRequestUpgrade(): void {
    this.fail(new ErrandError('bad_task_response', 'the task asked for another protocol'))
  }

  /** What a receiver throws must not reach the HTTP client, which would take it for a failure of the connection. */
  #receive(hand: () => void): void {
    if (this.#isSettled) return
    try {
      hand()
    } catch (error) {
      this.fail(ErrandError.from(error))
    }
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#cancellation.handOver(undefined)
    this.#receiver[Symbol.dispose]()
    return true
  }
}

/** Names and values in turn. Bytes are kept as they are: headers have no encoding that everybody heeds. */
function asText(raw: Dispatcher.DispatchController['rawHeaders']): readonly string[] {
  if (!Array.isArray(raw)) return []
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
}

function endlessPrelude(): ErrandError {
  return new ErrandError('bad_task_response', `the task sent more than ${MOST_INFORMATIONAL} informational answers`)
}
