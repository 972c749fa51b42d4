import { ErrandError } from '../../core/errors.ts'
import { abortable } from '../../util/abort.ts'
import type { EngineEvent } from '../engine.ts'

interface Listener {
  readonly label: string
  readonly value: string
  readonly queue: EngineEvent[]
  lost: ErrandError | undefined
  wake: PromiseWithResolvers<void>
}

/** Hands events to everyone who listens, each with a queue of its own. */
export class FakeEvents {
  readonly #listeners = new Set<Listener>()

  get listeners(): number {
    return this.#listeners.size
  }

  publish(labels: Readonly<Record<string, string>>, event: EngineEvent): void {
    for (const listener of this.#listeners) {
      if (labels[listener.label] !== listener.value) continue
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

  async *listen(label: string, value: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const listener: Listener = { label, value, queue: [], lost: undefined, wake: Promise.withResolvers() }
    this.#listeners.add(listener)
    try {
      yield { kind: 'listening' }
      for (;;) {
        const event = listener.queue.shift()
        if (event !== undefined) yield event
        else if (listener.lost !== undefined) throw listener.lost
        else await this.#wait(listener, signal)
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  async #wait(listener: Listener, signal: AbortSignal): Promise<void> {
    await abortable(listener.wake.promise, signal)
    listener.wake = Promise.withResolvers()
  }
}
