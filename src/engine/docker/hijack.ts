import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'

/** Handles one request whose connection is to become a raw stream. An abort of `signal` ends it; so does a refusal. */
export class Hijack implements Dispatcher.DispatchHandler {
  readonly socket: Promise<Duplex>
  readonly #result = Promise.withResolvers<Duplex>()
  readonly #refusal: (status: number, body: string) => Error
  readonly #signal: AbortSignal
  readonly #onAbort = (): void => {
    this.#controller?.abort(this.#signal.reason)
    this.#result.reject(this.#signal.reason)
  }
  readonly #body: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #status = 0

  constructor(refusal: (status: number, body: string) => Error, signal: AbortSignal) {
    this.#refusal = refusal
    this.#signal = signal
    this.socket = this.#result.promise
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#signal.aborted) controller.abort(this.#signal.reason)
  }

  onRequestUpgrade(_controller: unknown, _status: number, _headers: unknown, socket: Duplex): void {
    // A broken connection is told by `close`; without a listener the error would end the process.
    socket.on('error', () => {})
    this.#end()
    if (this.#signal.aborted) socket.destroy()
    else this.#result.resolve(socket)
  }

  onResponseStart(_controller: unknown, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#body.push(chunk)
  }

  onResponseEnd(): void {
    this.#end()
    this.#result.reject(this.#refusal(this.#status, Buffer.concat(this.#body).toString()))
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#end()
    this.#result.reject(error)
  }

  #end(): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
  }
}
