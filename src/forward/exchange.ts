import type { Dispatcher } from 'undici'
import type { Cancellation } from '../core/cancellation.ts'
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

/**
 * Sends one request and gathers its whole answer. Redirects are not followed, bodies not decompressed. Tried once: a
 * request that reached the task may have had its effect.
 * @throws task_connection_closed, bad_task_response, response_too_large, task_gone; the cancellation's reason
 */
export function exchange(
  connections: Connections,
  request: TaskRequest,
  maxResponseBytes: number,
  cancellation: Cancellation,
): Promise<TaskResponse> {
  return new Promise((resolve, reject) => {
    const handler = new BufferedExchange(maxResponseBytes, cancellation, resolve, reject)
    const isGet = request.method === 'GET'
    connections.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: isGet ? null : JSON_BODY,
        body: isGet ? null : request.body,
      },
      handler,
    )
  })
}

class BufferedExchange implements Dispatcher.DispatchHandler {
  readonly #maxBytes: number
  readonly #cancellation: Cancellation
  readonly #resolve: (response: TaskResponse) => void
  readonly #reject: (error: ErrandError) => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #status = 0
  #controller: Dispatcher.DispatchController | undefined
  #isSettled = false

  constructor(
    maxBytes: number,
    cancellation: Cancellation,
    resolve: (response: TaskResponse) => void,
    reject: (error: ErrandError) => void,
  ) {
    this.#maxBytes = maxBytes
    this.#cancellation = cancellation
    this.#resolve = resolve
    this.#reject = reject
    // Before dispatch: a request that still waits for a connection has no controller yet.
    cancellation.handOver((reason) => this.#fail(reason))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isSettled) controller.abort(this.#cancellation.reason ?? new Error('settled'))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    if (status < 200) return
    this.#status = status
    const announced = Number(headers['content-length'])
    if (announced > this.#maxBytes) this.#fail(this.#tooLarge())
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.#fail(this.#tooLarge())
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (!this.#settle()) return
    const [only] = this.#chunks
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks)
    this.#resolve({ status: this.#status, body })
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(explainFailure(error))
  }

  onRequestUpgrade(): void {
    this.#fail(new ErrandError('bad_task_response', 'the task asked for another protocol'))
  }

  #fail(error: ErrandError): void {
    if (!this.#settle()) return
    this.#reject(error)
    this.#controller?.abort(error)
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#cancellation.handOver(undefined)
    return true
  }

  #tooLarge(): ErrandError {
    return new ErrandError('response_too_large', `the task's answer is larger than ${this.#maxBytes} bytes`, {
      details: { maxResponseBytes: this.#maxBytes },
    })
  }
}
