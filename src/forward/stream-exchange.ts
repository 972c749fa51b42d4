import type { Readable } from 'node:stream'
import type { Cancellation } from '../core/cancellation.ts'
import { CallerBody } from './caller-body.ts'
import type { Connections } from './connections.ts'
import { headersForCaller, headersForTask, trailersForCaller } from './headers.ts'
import type { IdleDeadline } from './idle-deadline.ts'
import { RateWatch, type RateWatchDeps } from './rate-watch.ts'
import { type AnswerHead, type ExchangeControl, exchangeWith, type Receiver, type Unsent } from './task-exchange.ts'

/** One request that is passed through as it comes. */
export interface StreamedRequest {
  readonly method: string
  /** With its query; begins with a slash and is nothing but visible ASCII. */
  readonly path: string
  /** Names and values in turn, as the caller has sent them: what is not for tasks is taken out here. */
  readonly headers: readonly string[]
  readonly body: RequestBody | undefined
}

/** A body that is here already, or one that comes as fast as the task takes it. */
type RequestBody =
  | { readonly whole: Buffer }
  | {
      readonly source: Readable
      /** Undefined where nobody has said how long it will be. */
      readonly bytes: number | undefined
    }

/** Who gets an answer as it comes. Lists are names and values in turn. */
export interface AnswerSink {
  begin(status: number, headers: readonly string[]): void
  /** False: no more is wanted until what `onDrain` was given is called. */
  write(chunk: Buffer): boolean
  onDrain(listener: () => void): void
  /** The answer is whole. */
  end(trailers: readonly string[]): void
}

/** That an answer was handed on to its end. */
export interface Delivered {
  readonly status: number
}

/**
 * Sends one request and hands its answer on, both as they come: no more is held of either than the connections hold. Over
 * with the last byte of the answer; what the task has not read of the request by then it does not want.
 * @param idle is touched by whatever comes or goes, and held while no more is wanted
 * @throws what `exchangeWith` throws; deadline_exceeded for an answer of known length that trickles. What has been handed on
 * by then is not whole.
 */
export function streamExchange(
  connections: Connections,
  { method, path, headers, body }: StreamedRequest,
  sink: AnswerSink,
  idle: IdleDeadline,
  deps: RateWatchDeps,
  cancellation: Cancellation,
): Promise<Delivered | Unsent> {
  const passed = headersForTask(headers)
  const options = { path, method, headers: passed }
  const receiver = new PassedAnswer(sink, idle, deps)
  if (body === undefined) return exchangeWith(connections, options, receiver, cancellation)
  if ('whole' in body) return exchangeWith(connections, { ...options, body: body.whole }, receiver, cancellation)
  if (body.bytes !== undefined) passed.push('content-length', String(body.bytes))
  const stream = new CallerBody(body.source, () => idle.touch())
  return exchangeWith(connections, { ...options, body: stream }, receiver, cancellation).finally(() => {
    stream.destroy()
  })
}

class PassedAnswer implements Receiver<Delivered> {
  readonly #sink: AnswerSink
  readonly #idle: IdleDeadline
  readonly #deps: RateWatchDeps
  #status = 0
  /** Of an answer that has said how long it is. */
  #leftBytes = 0
  #rate: RateWatch | undefined
  /** Until its reader wants more. */
  #isHeld = false

  constructor(sink: AnswerSink, idle: IdleDeadline, deps: RateWatchDeps) {
    this.#sink = sink
    this.#idle = idle
    this.#deps = deps
  }

  begin(head: AnswerHead): void {
    const { status, contentLength = 0 } = head
    this.#status = status
    this.#leftBytes = contentLength
    this.#idle.touch()
    this.#sink.begin(status, headersForCaller(head.headers(), status))
  }

  take(chunk: Buffer, control: ExchangeControl): void {
    this.#idle.touch()
    this.#leftBytes -= chunk.length
    // Without a length it may be a stream of events, which come when they come: only silence tells against it.
    if (this.#leftBytes > 0) this.#rate ??= new RateWatch(this.#deps, (error) => control.fail(error))
    this.#rate?.add(chunk.length)
    if (!this.#sink.write(chunk)) this.#hold(control)
  }

  #hold(control: ExchangeControl): void {
    if (this.#isHeld) return
    this.#isHeld = true
    control.pause()
    this.#rate?.hold()
    this.#idle.hold()
    this.#sink.onDrain(() => {
      this.#isHeld = false
      this.#idle.release()
      this.#rate?.release()
      control.resume()
    })
  }

  end(trailers: readonly string[]): Delivered {
    this.#sink.end(trailersForCaller(trailers))
    return { status: this.#status }
  }

  [Symbol.dispose](): void {
    this.#rate?.[Symbol.dispose]()
  }
}
