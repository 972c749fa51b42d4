import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { formatImageReference, parseImageReference } from '../core/image-reference.ts'
import type { Log } from '../core/log.ts'
import { Deadline } from '../core/wait.ts'
import type { EngineImages, Image } from '../engine/engine.ts'
import { SingleFlight } from '../util/single-flight.ts'

export interface ImageStoreDeps {
  readonly images: EngineImages
  readonly clock: Clock
  readonly log: Log
  readonly pull: 'ifNotPresent' | 'never'
  readonly pullTimeoutMs: number
}

/** Sees to it that an image is on this host. */
export class ImageStore {
  readonly #deps: ImageStoreDeps
  readonly #pulls = new SingleFlight<Image>()

  constructor(deps: ImageStoreDeps) {
    this.#deps = deps
  }

  /**
   * The image, pulled when it is absent: once, however many wait, and given up when nobody waits any more.
   * @throws validation_failed for a malformed reference; image_not_found, image_auth, image_invalid,
   * registry_unavailable, image_pull_timeout
   */
  async ensure(text: string, signal: AbortSignal): Promise<Image> {
    const reference = parseImageReference(text)
    const present = await this.#deps.images.find(reference, signal)
    if (present !== undefined) return present
    if (reference.kind === 'id' || this.#deps.pull === 'never') {
      throw new ErrandError('image_not_found', `image ${text} is not on this host, and ${whyNoPull(reference.kind)}`)
    }
    const name = formatImageReference(reference)
    return this.#pulls.join(name, (flight) => this.#pull(name, flight), signal)
  }

  async #pull(name: string, signal: AbortSignal): Promise<Image> {
    const { clock, images, log, pullTimeoutMs } = this.#deps
    const startedMs = clock.monotonicMs()
    log.info({ image: name }, 'pulling an image')
    using deadline = new Deadline(
      clock,
      pullTimeoutMs,
      () => new ErrandError('image_pull_timeout', `pulling ${name} took longer than ${pullTimeoutMs} ms`),
      signal,
    )
    const image = await images.pull(parseImageReference(name), { onProgress() {} }, deadline.signal)
    log.info({ image: name, id: image.id, tookMs: Math.round(clock.monotonicMs() - startedMs) }, 'pulled an image')
    return image
  }
}

function whyNoPull(kind: 'id' | 'name'): string {
  return kind === 'id' ? 'an image id cannot be pulled' : 'images.pull is "never"'
}
