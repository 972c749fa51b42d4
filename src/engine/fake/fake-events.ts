import type { EngineEvent } from '../engine.ts'
import { FakeBroadcast } from './fake-broadcast.ts'

interface LabelledEvent {
  readonly labels: Readonly<Record<string, string>>
  readonly event: EngineEvent
}

/** What happens to sandboxes, for everyone who listens for their label. */
export class FakeEvents {
  readonly #broadcast = new FakeBroadcast<LabelledEvent>({ labels: {}, event: { kind: 'listening' } })

  get listeners(): number {
    return this.#broadcast.listeners
  }

  publish(labels: Readonly<Record<string, string>>, event: EngineEvent): void {
    this.#broadcast.publish({ labels, event })
  }

  /** Ends every stream as a lost connection does. */
  drop(): void {
    this.#broadcast.drop()
  }

  async *listen(label: string, value: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    for await (const { event } of this.#broadcast.listen(({ labels }) => labels[label] === value, signal)) yield event
  }
}
