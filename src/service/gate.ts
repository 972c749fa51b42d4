import { ErrandError } from '../core/errors.ts'

/** Whether a node takes requests: not while it is `paused`, and never again once it is `draining`. */
export type NodeState = 'serving' | 'paused' | 'draining'

/** After a restart the next one may serve: a stop takes 30 s at most, and mostly a second. */
const NEXT_DAEMON_MS = 5000

/** Counts the requests inside and can be shut: refuses new ones, and tells when the last one has left. */
export class Gate {
  #state: NodeState = 'serving'
  #inside = 0
  /** Those who wait until nobody is inside. */
  #waiting: (() => void)[] = []
  readonly #listeners = new Set<() => void>()

  get state(): NodeState {
    return this.#state
  }

  /** Requests that were let in and have not left. */
  get inside(): number {
    return this.#inside
  }

  /** Calls `listener`, which must not throw, whenever a pause has ended, until disposed. */
  onOpen(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** @throws paused, draining */
  enter(): void {
    this.assertOpen()
    this.#inside += 1
  }

  leave(): void {
    this.#inside -= 1
    if (this.#inside > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** @throws paused, draining */
  assertOpen(): void {
    if (this.#state === 'paused') throw new ErrandError('paused', 'the node is paused')
    if (this.#state === 'draining') {
      throw new ErrandError('draining', 'the node is stopping', { retryAfterMs: NEXT_DAEMON_MS })
    }
  }

  /** Draining is for good; a pause can be ended. */
  shut(state: 'paused' | 'draining'): void {
    if (this.#state !== 'draining') this.#state = state
  }

  open(): void {
    if (this.#state !== 'paused') return
    this.#state = 'serving'
    for (const listener of this.#listeners) listener()
  }

  /** Resolves when nobody is inside. */
  async empty(): Promise<void> {
    while (this.#inside > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
