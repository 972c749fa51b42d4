import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { fullName, type NamedReference, registryOf } from '../core/image-reference.ts'
import type { Log } from '../core/log.ts'
import { Deadline, sleep } from '../core/wait.ts'
import type { EngineImages, Image, RegistryCredentials } from '../engine/engine.ts'
import { Backoff } from '../util/backoff.ts'
import { SingleFlight } from '../util/single-flight.ts'
import { type PullReport, PullWatch } from './pull-watch.ts'
import { RecentMisses } from './recent-misses.ts'
import { RegistryLimiter } from './registry-limiter.ts'

/** Knows what to show to which registry. */
export interface CredentialSource {
  /** Undefined for an anonymous pull. Never rejects but for an abort. */
  find(registry: string, signal: AbortSignal): Promise<RegistryCredentials | undefined>
}

/** The disk that images are stored on. */
export interface PullRoom {
  /** @throws storage_full when not even the reserve is free */
  makeRoom(signal: AbortSignal): Promise<void>
  /** Bytes that may be used without touching the reserve; Infinity where nobody knows. Never rejects. */
  spareBytes(): Promise<number>
}

export interface PullerDeps {
  readonly images: Pick<EngineImages, 'pull' | 'list'>
  readonly credentials: CredentialSource
  readonly room: PullRoom
  readonly clock: Clock
  readonly log: Log
  /** For one image, all attempts together. */
  readonly pullTimeoutMs: number
  readonly noProgressTimeoutMs: number
  /** Awaited before anybody gets the image. `isNew`: it was not here before, whatever its name. */
  readonly onPulled: (image: Image, name: string, isNew: boolean) => Promise<void>
}

const FIRST_RETRY_MS = 1000
const MOST_RETRY_MS = 30_000

/** Fetches images: each once, however many wait for it; again when the registry could not; never against its wish. */
export class Puller {
  readonly #deps: PullerDeps
  readonly #flights = new SingleFlight<Image>()
  /** Of the attempts under way, by the image's name. */
  readonly #watches = new Map<string, PullWatch>()
  readonly #misses: RecentMisses
  readonly #limiter: RegistryLimiter

  constructor(deps: PullerDeps) {
    this.#deps = deps
    this.#misses = new RecentMisses(deps.clock)
    this.#limiter = new RegistryLimiter(deps.clock)
  }

  /**
   * Joins the pull under way, or begins one; given up when nobody waits any more.
   * @throws image_not_found, image_auth, image_invalid, storage_full at once; registry_unavailable once trying again has
   * not helped within `pullTimeoutMs`; image_pull_timeout
   */
  async pull(reference: NamedReference, signal: AbortSignal): Promise<Image> {
    const name = fullName(reference)
    this.#misses.assertNone(name)
    const ahead = this.#flights.passengers(name)
    if (ahead > 0) this.#deps.log.debug({ image: name, waiting: ahead + 1 }, 'waiting for a pull under way')
    return this.#flights.join(name, (flight) => this.#fly(reference, flight), signal)
  }

  /** How far the pull of a name is; undefined while nothing of it comes. */
  progress(reference: NamedReference): PullReport | undefined {
    return this.#watches.get(fullName(reference))?.report
  }

  async #fly(reference: NamedReference, signal: AbortSignal): Promise<Image> {
    const { images, clock, log, pullTimeoutMs, onPulled } = this.#deps
    const name = fullName(reference)
    const startedMs = clock.monotonicMs()
    const tooLate = (): ErrandError =>
      new ErrandError('image_pull_timeout', `pulling ${name} took longer than ${pullTimeoutMs} ms`)
    using deadline = new Deadline(clock, pullTimeoutMs, tooLate, signal)
    const before = new Set((await images.list(deadline.signal)).map(({ id }) => id))
    const image = await this.#persist(reference, startedMs + pullTimeoutMs, deadline.signal)
    const { id, digests, sizeBytes } = image
    await onPulled(image, name, !before.has(id))
    const tookMs = Math.round(clock.monotonicMs() - startedMs)
    log.info({ image: name, id, digests, sizeBytes, tookMs }, 'pulled an image')
    return image
  }

  async #persist(reference: NamedReference, untilMs: number, signal: AbortSignal): Promise<Image> {
    const { clock, log } = this.#deps
    const [name, registry] = [fullName(reference), registryOf(reference)]
    const backoff = new Backoff(FIRST_RETRY_MS, MOST_RETRY_MS)
    let retryInMs = this.#limiter.delayMs(registry)
    if (clock.monotonicMs() + retryInMs >= untilMs) throw this.#limiter.refusal(registry)
    for (;;) {
      if (retryInMs > 0) await sleep(clock, retryInMs, signal)
      try {
        return await this.#attempt(reference, signal)
      } catch (thrown) {
        const error = ErrandError.from(thrown)
        if (error.code === 'image_not_found') this.#misses.note(name, error)
        if (signal.aborted || error.code !== 'registry_unavailable') throw error
        this.#limiter.note(registry, error)
        retryInMs = Math.max(backoff.nextMs(), this.#limiter.delayMs(registry))
        if (clock.monotonicMs() + retryInMs >= untilMs) throw error
        const waiting = this.#flights.passengers(name)
        log.warn({ image: name, lastError: error.message, retryInMs, waiting }, 'a pull failed; trying again')
      }
    }
  }

  async #attempt(reference: NamedReference, signal: AbortSignal): Promise<Image> {
    const { images, credentials, room, clock, log, noProgressTimeoutMs } = this.#deps
    const name = fullName(reference)
    await room.makeRoom(signal)
    const known = await credentials.find(registryOf(reference), signal)
    log.info({ image: name, isAnonymous: known === undefined }, 'pulling an image')
    await using watch = new PullWatch(
      {
        clock,
        name,
        noProgressTimeoutMs,
        spareBytes: () => room.spareBytes(),
        onReport: (report) =>
          log.info({ image: name, ...report, waiting: this.#flights.passengers(name) }, 'a pull is under way'),
      },
      signal,
    )
    this.#watches.set(name, watch)
    const options = { onProgress: watch.note.bind(watch), ...(known === undefined ? {} : { credentials: known }) }
    try {
      return await images.pull(reference, options, watch.signal)
    } finally {
      this.#watches.delete(name)
    }
  }
}
