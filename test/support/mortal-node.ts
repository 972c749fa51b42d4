import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ErrandError } from '../../src/core/errors.ts'
import { Home, type ServeOptions, type ServeProcess } from './serve-process.ts'
import { StartCounter } from './start-counter.ts'
import { V1Client } from './v1-client.ts'

/** Room for many small executions on few cores, and registries on this host. */
const SETTINGS = ['resources.cpuOvercommit=50', 'cpu=100', 'mem=8192', 'images.privateRegistries=[127.0.0.1]']
const CUT = new Set(['ECONNRESET', 'ECONNREFUSED', 'ENOENT', 'EPIPE'])

interface Life {
  readonly served: ServeProcess
  /** Resolves when the next one serves. */
  readonly next: PromiseWithResolvers<void>
}

/**
 * The node of one installation, whose daemon dies and is started again while executions go on. Its client does not mind:
 * whatever a death cuts off is asked again of the next daemon. Disposing ends the last one as SIGTERM does.
 */
export class MortalNode implements AsyncDisposable {
  readonly home: Home
  readonly client: V1Client
  readonly #settings: readonly string[]
  #life: Life | undefined
  #starts: StartCounter | undefined

  private constructor(home: Home, settings: readonly string[]) {
    this.home = home
    this.client = new V1Client(join(home.runDir, 'errand.sock'))
    this.#settings = [...SETTINGS, ...settings]
  }

  /** Nothing is started yet. */
  static async make(settings: readonly string[] = []): Promise<MortalNode> {
    return new MortalNode(await Home.make(), settings)
  }

  get served(): ServeProcess {
    assert.ok(this.#life)
    return this.#life.served
  }

  /** How often the engine has started a container of each execution, by id, since the first daemon. */
  get starts(): StartCounter {
    assert.ok(this.#starts)
    return this.#starts
  }

  /** Resolves once it serves, with the milliseconds from the start of its process until then. */
  async start(options: Omit<ServeOptions, 'listen'> = {}): Promise<number> {
    const sinceMs = performance.now()
    const served = this.spawn(options)
    await served.addresses()
    const tookMs = performance.now() - sinceMs
    this.#become(served)
    this.#starts ??= StartCounter.open((await this.home.installation()) ?? '')
    return tookMs
  }

  /** One more process on the same folders, that may not come to serve. */
  spawn({ settings = [], ...options }: Omit<ServeOptions, 'listen'> = {}): ServeProcess {
    const listen = ['127.0.0.1:0', `unix:${join(this.home.runDir, 'errand.sock')}`]
    return this.home.spawn({ ...options, settings: [...this.#settings, ...settings], listen })
  }

  /** Starts one that dies at a fault point, such as `after:container.create`. */
  async startWithFault(fault: string): Promise<void> {
    await this.start({ flags: ['--enable-faults'], environment: { ERRAND_FAULT: `${fault}:kill9` } })
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    this.served.signal('SIGKILL')
    await this.died()
  }

  /** Resolves when it has been killed, by whatever. */
  async died(): Promise<void> {
    assert.deepEqual(await this.served.ended, { code: null, signal: 'SIGKILL' }, this.served.log.text)
  }

  /** What the client answers, however often the daemon dies meanwhile. */
  async ask<T>(call: (client: V1Client) => Promise<T>): Promise<T> {
    for (;;) {
      const life = this.#life
      try {
        return await call(this.client)
      } catch (error) {
        if (life === undefined || !isCut(error)) throw error
        await life.served.ended
        await life.next.promise
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _home = this.home
    using _starts = this.#starts
    await using _client = this.client
    await this.#life?.served[Symbol.asyncDispose]()
  }

  #become(served: ServeProcess): void {
    const before = this.#life
    this.#life = { served, next: Promise.withResolvers() }
    before?.next.resolve()
  }
}

/** As the client says it, or the system, for what is asked without one. */
function isCut(error: unknown): boolean {
  if (error instanceof ErrandError) return error.code === 'node_unavailable'
  return error instanceof Error && 'code' in error && CUT.has(String(error.code))
}
