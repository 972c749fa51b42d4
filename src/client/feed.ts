import type { EventSourceMessage } from 'eventsource-parser'
import { ErrandError } from '../core/errors.ts'
import type { Operation } from '../http/contract/operation.ts'
import type { Calls } from './calls.ts'
import { nodeUnavailable } from './connection-error.ts'
import { EventStream } from './event-stream.ts'
import type { PathParams, QueryParams } from './operation-path.ts'
import type { CallOptions } from './options.ts'
import type { RetryPatience } from './retry-patience.ts'
import { headerOf } from './whole-answer.ts'

/** What a feed is of. */
export interface FeedRequest extends CallOptions {
  readonly operation: Operation<unknown, unknown, unknown, unknown>
  readonly params?: PathParams
  /**
   * Where to begin. After a cut that came before the first event, `beganAt` is when the node began to answer: whoever asked
   * for what comes "from now on" means from then on.
   */
  readonly query: (beganAt: Date | undefined) => QueryParams
  /** In place of what may have come between a cut before the first event and the next beginning, where nobody can tell. */
  readonly unknown?: EventSourceMessage
}

const END = 'end'
const EVENT_STREAM = 'text/event-stream'

/**
 * The events of one operation, each once and in their order, whatever becomes of connections and of the node's process:
 * every new connection goes on after the last event that came. Ends with an event named `end`. Before the node has answered
 * at all, it fails as any call does; from then on it asks again for as long as its signal lets it.
 * @throws what the node refuses it with; signal.reason
 */
export async function* follow(calls: Calls, request: FeedRequest): AsyncGenerator<EventSourceMessage, void, undefined> {
  using feed = new Feed(calls, request)
  for (;;) {
    const event = await feed.next()
    if (event.event === END) return
    yield event
  }
}

class Feed implements Disposable {
  readonly #calls: Calls
  readonly #request: FeedRequest
  readonly #signal: AbortSignal
  readonly #patience: RetryPatience
  #stream: EventStream | undefined
  #lastId: string | undefined
  #beganAt: Date | undefined
  #isPlaceLost = false

  constructor(calls: Calls, request: FeedRequest) {
    this.#calls = calls
    this.#request = request
    this.#signal = calls.signalWith(request.signal)
    this.#patience = calls.patience(request, Infinity)
  }

  async next(): Promise<EventSourceMessage> {
    for (;;) {
      try {
        const stream = await this.#opened()
        if (this.#isPlaceLost && this.#request.unknown !== undefined) {
          this.#isPlaceLost = false
          return this.#request.unknown
        }
        const event = await stream.next()
        if (event === undefined) throw nodeUnavailable('the node cut its answer off')
        this.#lastId = event.id ?? this.#lastId
        return event
      } catch (error) {
        this[Symbol.dispose]()
        await this.#patience.again(this.#calls.failure(error, this.#signal), this.#signal)
      }
    }
  }

  [Symbol.dispose](): void {
    this.#stream?.[Symbol.dispose]()
    this.#stream = undefined
  }

  async #opened(): Promise<EventStream> {
    if (this.#stream !== undefined) return this.#stream
    const { operation, params = {}, query } = this.#request
    const place = this.#lastId === undefined ? {} : { 'last-event-id': this.#lastId }
    const input = { params, query: query(this.#beganAt), headers: { ...place, accept: EVENT_STREAM } }
    const answer = await this.#calls.open(operation, input, this.#signal)
    this.#stream = new EventStream(answer, this.#calls.deps.clock)
    if (!headerOf(answer, 'content-type').startsWith(EVENT_STREAM)) {
      throw new ErrandError('internal', 'answered with no events where events were asked for')
    }
    this.#isPlaceLost = this.#lastId === undefined && this.#beganAt !== undefined
    this.#beganAt ??= this.#timeOf(headerOf(answer, 'date'))
    this.#patience.renew()
    return this.#stream
  }

  /** By the node's own clock, or by ours where something on the way took the header out. */
  #timeOf(date: string): Date {
    return new Date(Date.parse(date) || this.#calls.deps.clock.wallMs())
  }
}
