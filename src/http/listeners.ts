import type { RequestListener } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { CONNECTION_LIMITS, type ConnectionLimits } from './connection-limits.ts'
import { Listener } from './listener.ts'
import type { ListenAddress, ListenerConfig } from './listener-config.ts'

export interface ListenersDeps {
  /** Made once for each listener; called for each of its requests. */
  readonly handlerFor: (config: ListenerConfig) => RequestListener
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<ConnectionLimits>
}

/** Every address that the node answers on. Opens all or none. */
export class Listeners implements AsyncDisposable {
  readonly #listeners: readonly Listener[]

  private constructor(listeners: readonly Listener[]) {
    this.#listeners = listeners
  }

  /**
   * @throws already_exists, forbidden or validation_failed naming the address that cannot be had, or the file of a certificate
   * that cannot be used; the signal's reason
   */
  static async open(configs: readonly ListenerConfig[], deps: ListenersDeps, signal: AbortSignal): Promise<Listeners> {
    await using opened = new AsyncDisposableStack()
    const ofEach = { ...deps, limits: { ...CONNECTION_LIMITS, ...deps.limits } }
    const listeners: Listener[] = []
    for (const config of configs) {
      signal.throwIfAborted()
      listeners.push(opened.use(await Listener.open(config, deps.handlerFor(config), ofEach)))
    }
    signal.throwIfAborted()
    opened.move()
    return new Listeners(listeners)
  }

  /** In the order of the configuration, with the ports that the kernel chose. Only until closed. */
  get addresses(): ListenAddress[] {
    return this.#listeners.map((listener) => listener.address)
  }

  /** Takes up certificates that were renewed. Never rejects: one that is wrong is logged, and the one before kept. */
  async reload(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.reload()))
  }

  /** Ends gracefully: resolves when every request in flight was answered. Waits as long as that takes. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }

  /** Cuts every connection, also while `close` waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener[Symbol.asyncDispose]()))
  }
}
