import type { Dispatcher } from 'undici'
import type { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import type { Armed, Deadlines } from '../core/deadlines.ts'
import { ErrandError } from '../core/errors.ts'
import type { Connections } from './connections.ts'
import { explainFailure } from './failures.ts'

/** One request as an instance gets it. */
export interface TaskRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: string
}

/** What the task answered, whatever its status. */
export interface TaskResponse {
  readonly status: number
  readonly body: Buffer
}

const JSON_BODY = { 'content-type': 'application/json' }

/** What all exchanges of a node share. */
export interface ExchangeDeps {
  readonly maxResponseBytes: number
  readonly deadlines: Deadlines
  readonly clock: Clock
}

/** A server may say that it goes on working, but not without end. */
const MOST_INFORMATIONAL = 16

/** An answer that has begun is checked this often, and must have come at `LEAST_BYTES_PER_MS` on average. */
const RATE_CHECK_MS = 30_000
const LEAST_BYTES_PER_MS = 1024 / 1000

/**
 * Sends one request and gathers its whole answer. Redirects are not followed, bodies not decompressed. Tried again, once,
 * only when no connection could be made: a request of which a byte was sent may have had its effect.
 * @throws task_connection_closed, bad_task_response, response_too_large, task_gone; deadline_exceeded for an answer that
 * trickles; the cancellation's reason
 */
export function exchange(
  connections: Connections,
  request: TaskRequest,
  deps: ExchangeDeps,
  cancellation: Cancellation,
): Promise<TaskResponse> {
  const isGet = request.method === 'GET'
  const options = {
    method: request.method,
    path: request.path,
    headers: isGet ? null : JSON_BODY,
    body: isGet ? null : request.body,
  }
  return new Promise((resolve, reject) => {
    const send = (onUnsent: ((error: ErrandError) => void) | undefined): void => {
      connections.dispatch(options, new BufferedExchange(deps, cancellation, { resolve, reject, onUnsent }))
    }
    send(() => send(undefined))
  })
}

/** Where an exchange ends, once. */
interface Ending {
  resolve(response: TaskResponse): void
  reject(error: ErrandError): void
  /** Instead of `reject`, when not a byte of the request was sent; undefined when that makes no difference. */
  readonly onUnsent: ((error: ErrandError) => void) | undefined
}

class BufferedExchange implements Dispatcher.DispatchHandler {
  readonly #deps: ExchangeDeps
  readonly #cancellation: Cancellation
  readonly #ending: Ending
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #status = 0
  #informational = 0
  #expectedBytes = Infinity
  #bodyStartedMs = 0
  #rateCheck: Armed | undefined
  #controller: Dispatcher.DispatchController | undefined
  #isSettled = false

  constructor(deps: ExchangeDeps, cancellation: Cancellation, ending: Ending) {
    this.#deps = deps
    this.#cancellation = cancellation
    this.#ending = ending
    // Before dispatch: a request that still waits for a connection has no controller yet.
    cancellation.handOver((reason) => this.#fail(reason))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isSettled) controller.abort(this.#cancellation.reason ?? new Error('settled'))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    if (status < 200) {
      this.#informational += 1
      if (this.#informational > MOST_INFORMATIONAL) this.#fail(endlessPrelude())
      return
    }
    this.#status = status
    const announced = headers['content-length']
    if (announced !== undefined) this.#expectedBytes = Number(announced)
    if (announced !== undefined && this.#expectedBytes > this.#deps.maxResponseBytes) this.#fail(this.#tooLarge())
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#deps.maxResponseBytes) this.#fail(this.#tooLarge())
    else this.#chunks.push(chunk)
    if (this.#bytes < this.#expectedBytes && this.#rateCheck === undefined) this.#watchRate()
  }

  onResponseEnd(): void {
    if (!this.#settle()) return
    const [only] = this.#chunks
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks)
    this.#ending.resolve({ status: this.#status, body })
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const explained = explainFailure(error)
    const { onUnsent } = this.#ending
    const isUnsent = this.#controller === undefined && explained.code === 'task_connection_closed'
    if (!isUnsent || onUnsent === undefined) this.#fail(explained)
    else if (this.#settle()) onUnsent(explained)
  }

  onRequestUpgrade(): void {
    this.#fail(new ErrandError('bad_task_response', 'the task asked for another protocol'))
  }

  #fail(error: ErrandError): void {
    if (!this.#settle()) return
    this.#ending.reject(error)
    this.#controller?.abort(error)
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#cancellation.handOver(undefined)
    if (this.#rateCheck !== undefined) this.#deps.deadlines.disarm(this.#rateCheck)
    return true
  }

  #watchRate(): void {
    const { deadlines, clock } = this.#deps
    this.#bodyStartedMs = clock.monotonicMs()
    this.#rateCheck = deadlines.arm(RATE_CHECK_MS, () => this.#checkRate())
  }

  #checkRate(): void {
    const { deadlines, clock } = this.#deps
    const tookMs = clock.monotonicMs() - this.#bodyStartedMs
    if (this.#bytes >= tookMs * LEAST_BYTES_PER_MS) {
      this.#rateCheck = deadlines.arm(RATE_CHECK_MS, () => this.#checkRate())
      return
    }
    this.#fail(
      new ErrandError('deadline_exceeded', 'the answer came slower than 1 KiB per second', {
        details: { bytes: this.#bytes, tookMs: Math.round(tookMs) },
      }),
    )
  }

  #tooLarge(): ErrandError {
    const { maxResponseBytes } = this.#deps
    return new ErrandError('response_too_large', `the task's answer is larger than ${maxResponseBytes} bytes`, {
      details: { maxResponseBytes },
    })
  }
}

function endlessPrelude(): ErrandError {
  return new ErrandError('bad_task_response', `the task sent more than ${MOST_INFORMATIONAL} informational answers`)
}
