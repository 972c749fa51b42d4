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
/** In a row, of streams that said nothing and ended as they began. With the delays between them that is 10 to 20 s. */
const MOST_CUTS = 10
/**
 * One that stood so long did not end as it began: something on the way may have kept what the node said, or cut it for its
 * silence.
 */
const STOOD_MS = 10_000
const EVENT_STREAM = 'text/event-stream'

/**
 * The events of one operation, each once and in their order, whatever becomes of connections and of the node's process:
 * every new connection goes on after the last event that came. Ends with an event named `end`. Before the node has answered
 * at all, it fails as any call does; from then on it asks again for as long as its signal lets it, however long the node is
 * away. One that is there, and only ever begins to answer, is given up.
 * @throws what the node refuses it with; node_unavailable; signal.reason
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
  #openedMs = 0
  #lastId: string | undefined
  #beganAt: Date | undefined
  #isPlaceLost = false
  /** Since something came. */
  #cuts = 0

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
        this.#startOver()
        this.#lastId = event.id ?? this.#lastId
        return event
      } catch (error) {
        const failure = this.#calls.failure(error, this.#signal)
        if (this.#stream !== undefined) this.#countCut(this.#stream, failure)
        this[Symbol.dispose]()
        await this.#patience.again(failure, this.#signal)
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
    this.#openedMs = this.#calls.deps.clock.monotonicMs()
    if (!headerOf(answer, 'content-type').startsWith(EVENT_STREAM)) {
      throw new ErrandError('internal', 'answered with no events where events were asked for')
    }
    this.#isPlaceLost = this.#lastId === undefined && this.#beganAt !== undefined
    this.#beganAt ??= this.#timeOf(headerOf(answer, 'date'))
    this.#patience.extend()
    return this.#stream
  }

  /** Something came. */
  #startOver(): void {
    this.#cuts = 0
    this.#patience.renew()
  }

  /** @throws node_unavailable for one too many */
  #countCut(stream: EventStream, failure: unknown): void {
    const stoodMs = this.#calls.deps.clock.monotonicMs() - this.#openedMs
    if (stream.isLive || stoodMs >= STOOD_MS) {
      this.#startOver()
    } else if (failure instanceof ErrandError && failure.code === 'node_unavailable') {
      this.#cuts += 1
      if (this.#cuts >= MOST_CUTS) throw cutTooOften(this.#cuts, failure)
    }
  }

  /** By the node's own clock, or by ours where something on the way took the header out. */
  #timeOf(date: string): Date {
    return new Date(Date.parse(date) || this.#calls.deps.clock.wallMs())
  }
}

function cutTooOften(cuts: number, cause: ErrandError): ErrandError {
  const message = `the node cut its answer off ${cuts} times in a row, and nothing new came; the last time: ${cause.message}`
  return new ErrandError('node_unavailable', message, { details: { ...cause.details, cuts }, cause })
}
