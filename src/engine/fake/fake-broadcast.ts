import { ErrandError } from '../../core/errors.ts'
import { abortable } from '../../util/abort.ts'

interface Listener<T> {
  readonly isWanted: (event: T) => boolean
  readonly queue: T[]
  lost: ErrandError | undefined
  wake: PromiseWithResolvers<void>
}

/** Hands events to everyone who listens, each with a queue of its own that begins with `greeting`. */
export class FakeBroadcast<T> {
  readonly #greeting: T
  readonly #listeners = new Set<Listener<T>>()

  constructor(greeting: T) {
    this.#greeting = greeting
  }

  get listeners(): number {
    return this.#listeners.size
  }

  publish(event: T): void {
    for (const listener of this.#listeners) {
      if (!listener.isWanted(event)) continue
      listener.queue.push(event)
      listener.wake.resolve()
    }
  }

  /** Ends every stream as a lost connection does. */
  drop(): void {
    for (const listener of this.#listeners) {
      listener.lost = new ErrandError('engine_unavailable', 'the event stream of the engine broke', {
        retryAfterMs: 1000,
      })
      listener.wake.resolve()
    }
  }

  async *listen(isWanted: (event: T) => boolean, signal: AbortSignal): AsyncGenerator<T> {
    const listener: Listener<T> = { isWanted, queue: [this.#greeting], lost: undefined, wake: Promise.withResolvers() }
    this.#listeners.add(listener)
    try {
      for (;;) {
        const event = listener.queue.shift()
        if (event !== undefined) yield event
        else if (listener.lost !== undefined) throw listener.lost
        else await wait(listener, signal)
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }
}

async function wait(listener: Pick<Listener<never>, 'wake'>, signal: AbortSignal): Promise<void> {
  await abortable(listener.wake.promise, signal)
  listener.wake = Promise.withResolvers()
}
