import type { Dispatcher } from 'undici'
import type { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import type { Armed, Deadlines } from '../core/deadlines.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import type { ByteBudget } from '../util/byte-budget.ts'
import { Pieces } from '../util/pieces.ts'
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
  /** The same body, as it came. Large ones are better not joined. */
  readonly pieces: readonly Buffer[]
}

/** No connection could be made, so that the request cannot have had any effect: another instance may be asked. */
export interface Unsent {
  readonly unsent: ErrandError
}

const JSON_BODY = { 'content-type': 'application/json' }

/** What all exchanges of a node share. */
export interface ExchangeDeps {
  readonly maxResponseBytes: number
  readonly deadlines: Deadlines
  readonly clock: Clock
  /** For answers above `SMALL_BYTES`, from then until they are handed over. */
  readonly memory: ByteBudget
}

/** An answer up to this size needs nobody's leave. */
const SMALL_BYTES = 64 * 1024

/** A server may say that it goes on working, but not without end. */
const MOST_INFORMATIONAL = 16

/** Failures of the instance, in contrast to its removal by us or to a shortage of this host. */
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set(['task_connection_closed', 'task_gone'])

/** An answer that has begun is checked this often, and must have come at `LEAST_BYTES_PER_MS` on average. */
const RATE_CHECK_MS = 30_000
const LEAST_BYTES_PER_MS = 1024 / 1000

/**
 * Sends one request and gathers its whole answer. Redirects are not followed, bodies not decompressed. A request of which
 * a byte was sent is never sent again: it may have had its effect. A large answer waits for memory, and its server with it.
 * @throws task_connection_closed, bad_task_response, response_too_large; deadline_exceeded for an answer that trickles;
 * resources_exhausted when this host could make no connection; the cancellation's reason
 */
export function exchange(
  connections: Connections,
  request: TaskRequest,
  deps: ExchangeDeps,
  cancellation: Cancellation,
): Promise<TaskResponse | Unsent> {
  const isGet = request.method === 'GET'
  const options = {
    method: request.method,
    path: request.path,
    headers: isGet ? null : JSON_BODY,
    body: isGet ? null : request.body,
  }
  return new Promise((resolve, reject) => {
    connections.dispatch(options, new BufferedExchange(deps, cancellation, { resolve, reject }))
  })
}

class GatheredResponse implements TaskResponse {
  readonly status: number
  readonly pieces: readonly Buffer[]
  #joined: Buffer | undefined

  constructor(status: number, pieces: readonly Buffer[]) {
    this.status = status
    this.pieces = pieces
    if (pieces.length === 1) this.#joined = pieces[0]
  }

  get body(): Buffer {
    this.#joined ??= Buffer.concat(this.pieces)
    return this.#joined
  }
}

/** Where an exchange ends, once. */
interface Ending {
  resolve(outcome: TaskResponse | Unsent): void
  reject(error: ErrandError): void
}

class BufferedExchange implements Dispatcher.DispatchHandler {
  readonly #deps: ExchangeDeps
  readonly #cancellation: Cancellation
  readonly #ending: Ending
  readonly #body = new Pieces()
  #status = 0
  #informational = 0
  #expectedBytes = Infinity
  #bodyStartedMs = 0
  #rateCheck: Armed | undefined
  #claimedBytes = 0
  #waiting: Disposable | undefined
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

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body.size + chunk.length > this.#deps.maxResponseBytes) {
      this.#fail(this.#tooLarge())
      return
    }
    this.#body.add(chunk)
    if (this.#body.size > SMALL_BYTES && this.#claimedBytes === 0) this.#claimMemory(controller)
    if (this.#body.size < this.#expectedBytes && this.#rateCheck === undefined) this.#watchRate()
  }

  onResponseEnd(): void {
    if (this.#settle()) this.#ending.resolve(new GatheredResponse(this.#status, this.#body.take()))
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const explained = explainFailure(error, this.#status > 0)
    const isUnsent = this.#controller === undefined && UNREACHABLE.has(explained.code)
    if (!isUnsent) this.#fail(explained)
    else if (this.#settle()) this.#ending.resolve({ unsent: explained })
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
    if (this.#waiting !== undefined) this.#waiting[Symbol.dispose]()
    else if (this.#claimedBytes > 0) this.#deps.memory.giveBack(this.#claimedBytes)
    return true
  }

  /** For all of it at once: answers that each had a part could wait for one another for ever. */
  #claimMemory(controller: Dispatcher.DispatchController): void {
    const { memory, maxResponseBytes, clock } = this.#deps
    this.#claimedBytes = Math.min(this.#expectedBytes, maxResponseBytes)
    if (memory.tryTake(this.#claimedBytes)) return
    controller.pause()
    this.#waiting = memory.wait(this.#claimedBytes, () => {
      this.#waiting = undefined
      this.#bodyStartedMs = clock.monotonicMs()
      controller.resume()
    })
  }

  #watchRate(): void {
    const { deadlines, clock } = this.#deps
    this.#bodyStartedMs = clock.monotonicMs()
    this.#rateCheck = deadlines.arm(RATE_CHECK_MS, () => this.#checkRate())
  }

  #checkRate(): void {
    const { deadlines, clock } = this.#deps
    const tookMs = clock.monotonicMs() - this.#bodyStartedMs
    if (this.#waiting !== undefined || this.#body.size >= tookMs * LEAST_BYTES_PER_MS) {
      this.#rateCheck = deadlines.arm(RATE_CHECK_MS, () => this.#checkRate())
      return
    }
    this.#fail(
      new ErrandError('deadline_exceeded', 'the answer came slower than 1 KiB per second', {
        details: { bytes: this.#body.size, tookMs: Math.round(tookMs) },
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
