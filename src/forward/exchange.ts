import type { Cancellation } from '../core/cancellation.ts'
import { ErrandError } from '../core/errors.ts'
import type { ByteBudget } from '../util/byte-budget.ts'
import { Pieces } from '../util/pieces.ts'
import type { Connections } from './connections.ts'
import { RateWatch, type RateWatchDeps } from './rate-watch.ts'
import { type AnswerHead, type ExchangeControl, exchangeWith, type Receiver, type Unsent } from './task-exchange.ts'

/** One request as an instance gets it. */
export interface TaskRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: string
  /** What its trace is to go on with. */
  readonly traceparent?: string | undefined
}

/** What the task answered, whatever its status. */
export interface TaskResponse {
  readonly status: number
  readonly body: Buffer
  /** The same body, as it came. Large ones are better not joined. */
  readonly pieces: readonly Buffer[]
}

const JSON_BODY = { 'content-type': 'application/json' }

/** What all exchanges of a node share. */
export interface ExchangeDeps extends RateWatchDeps {
  readonly maxResponseBytes: number
  /** For answers above `SMALL_BYTES`, from then until they are handed over. */
  readonly memory: ByteBudget
}

/** An answer up to this size needs nobody's leave. */
const SMALL_BYTES = 64 * 1024

/**
 * Sends one request and gathers its whole answer. A large one waits for memory, and its server with it.
 * @throws what `exchangeWith` throws; response_too_large; deadline_exceeded for an answer that trickles
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
    headers: headersOf(request),
    body: isGet ? null : request.body,
  }
  return exchangeWith(connections, options, new GatheredAnswer(deps), cancellation)
}

function headersOf({ method, traceparent }: TaskRequest): Record<string, string> | null {
  const body = method === 'GET' ? null : JSON_BODY
  return traceparent === undefined ? body : { ...body, traceparent }
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

class GatheredAnswer implements Receiver<TaskResponse> {
  readonly #deps: ExchangeDeps
  readonly #body = new Pieces()
  #status = 0
  #expectedBytes = Infinity
  #rate: RateWatch | undefined
  #claimedBytes = 0
  #waiting: Disposable | undefined

  constructor(deps: ExchangeDeps) {
    this.#deps = deps
  }

  begin({ status, contentLength }: AnswerHead, control: ExchangeControl): void {
    this.#status = status
    if (contentLength === undefined) return
    this.#expectedBytes = contentLength
    if (contentLength > this.#deps.maxResponseBytes) control.fail(this.#tooLarge())
  }

  take(chunk: Buffer, control: ExchangeControl): void {
    if (this.#body.size + chunk.length > this.#deps.maxResponseBytes) {
      control.fail(this.#tooLarge())
      return
    }
    this.#body.add(chunk)
    if (this.#body.size < this.#expectedBytes) this.#rate ??= new RateWatch(this.#deps, (error) => control.fail(error))
    this.#rate?.add(chunk.length)
    if (this.#body.size > SMALL_BYTES && this.#claimedBytes === 0) this.#claimMemory(control)
  }

  end(): TaskResponse {
    return new GatheredResponse(this.#status, this.#body.take())
  }

  [Symbol.dispose](): void {
    this.#rate?.[Symbol.dispose]()
    if (this.#waiting !== undefined) this.#waiting[Symbol.dispose]()
    else if (this.#claimedBytes > 0) this.#deps.memory.giveBack(this.#claimedBytes)
  }

  /** For all of it at once: answers that each had a part could wait for one another for ever. */
  #claimMemory(control: ExchangeControl): void {
    const { memory, maxResponseBytes } = this.#deps
    this.#claimedBytes = Math.min(this.#expectedBytes, maxResponseBytes)
    if (memory.tryTake(this.#claimedBytes)) return
    control.pause()
    this.#rate?.hold()
    this.#waiting = memory.wait(this.#claimedBytes, () => {
      this.#waiting = undefined
      this.#rate?.release()
      control.resume()
    })
  }

  #tooLarge(): ErrandError {
    const { maxResponseBytes } = this.#deps
    return new ErrandError('response_too_large', `the task's answer is larger than ${maxResponseBytes} bytes`, {
      details: { maxResponseBytes },
    })
  }
}
