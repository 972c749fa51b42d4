import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { sleep } from '../core/wait.ts'
import type { EngineImages } from '../engine/engine.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { Backoff } from '../util/backoff.ts'

export interface NameWatchDeps {
  readonly images: Pick<EngineImages, 'events'>
  readonly clock: Clock
  readonly log: Log
  /** Looks again what the names in use mean. Its failures are those of the engine. */
  readonly recheck: (signal: AbortSignal) => Promise<void>
}

/** Has the names in use looked up again whenever the engine says that names may have moved. */
export class NameWatch implements AsyncDisposable {
  readonly #deps: NameWatchDeps
  readonly #closing = new AbortController()
  readonly #backoff = new Backoff(200, 10_000)
  readonly #background = new BackgroundWork()
  #isDue = false
  #isChecking = false

  constructor(deps: NameWatchDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#background.add(this.#run())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the watch is closed'))
    await this.#background.idle()
  }

  async #run(): Promise<void> {
    const { images, clock, log } = this.#deps
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        for await (const { kind } of images.events(signal)) {
          if (kind === 'listening') this.#backoff.reset()
          this.#check()
        }
      } catch (error) {
        if (signal.aborted) return
        log.warn({ err: error, tries: this.#backoff.tries }, 'the stream of image events broke; listening again')
      }
      await sleep(clock, this.#backoff.nextMs(), signal).catch(() => {})
    }
  }

  /** Events come in bursts, from a build for instance: those that come during a check cause one more. */
  #check(): void {
    this.#isDue = true
    if (!this.#isChecking) this.#background.add(this.#checkWhileDue())
  }

  async #checkWhileDue(): Promise<void> {
    const { log, recheck } = this.#deps
    const { signal } = this.#closing
    this.#isChecking = true
    while (this.#isDue && !signal.aborted) {
      this.#isDue = false
      await recheck(signal).catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, 'the images in use could not be looked up')
      })
    }
    this.#isChecking = false
  }
}
