import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { nodeUnavailable } from './connection-error.ts'
import type { WireAnswer } from './wire.ts'

/** Three of the comments by which a node shows that it lives. */
const SILENCE_MS = 45_000
/** Of one event, in characters: many times the longest piece of output. */
const MOST_EVENT = 8 * 1024 * 1024

/** The events of one answer of `text/event-stream`, at the pace of its reader. Disposing closes its connection. */
export class EventStream implements Disposable {
  readonly #body: WireAnswer['body']
  readonly #chunks: AsyncIterator<Buffer>
  readonly #clock: Clock
  readonly #decoder = new TextDecoder()
  readonly #parser: EventSourceParser
  #isLive = false
  #events: EventSourceMessage[] = []
  #at = 0

  constructor(answer: WireAnswer, clock: Clock) {
    this.#body = answer.body
    this.#chunks = answer.body[Symbol.asyncIterator]()
    this.#clock = clock
    // Whoever reads is told by that; one that is closed while nobody does has nobody to tell.
    answer.body.on('error', () => {})
    this.#parser = createParser({
      onEvent: (event) => {
        this.#isLive = true
        this.#events.push(event)
      },
      onComment: () => {
        this.#isLive = true
      },
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') throw tooLarge()
      },
      maxBufferSize: MOST_EVENT,
    })
  }

  /** An event has come, or the comment by which a node shows that there is nothing to tell. */
  get isLive(): boolean {
    return this.#isLive
  }

  /** The next one, of any age; undefined at the end. @throws node_unavailable when nothing comes for too long */
  async next(): Promise<EventSourceMessage | undefined> {
    for (;;) {
      const event = this.#events[this.#at]
      if (event !== undefined) {
        this.#at += 1
        return event
      }
      this.#events = []
      this.#at = 0
      const { value, done } = await this.#nextChunk()
      if (done === true) return undefined
      this.#parser.feed(this.#decoder.decode(value, { stream: true }))
    }
  }

  [Symbol.dispose](): void {
    this.#body.destroy()
  }

  /** Silence is counted only while somebody waits: a slow reader is not the node's fault. */
  async #nextChunk(): Promise<IteratorResult<Buffer, unknown>> {
    const onSilence = (): void => void this.#body.destroy(nodeUnavailable('the node has been silent for too long'))
    using _watch = this.#clock.setTimer(SILENCE_MS, onSilence)
    return await this.#chunks.next()
  }
}

function tooLarge(): ErrandError {
  return new ErrandError('response_too_large', `an event has more than ${MOST_EVENT} characters`)
}
