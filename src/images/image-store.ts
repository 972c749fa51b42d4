import { ErrandError } from '../core/errors.ts'
import {
  fullName,
  fullRepository,
  type ImageReference,
  type NamedReference,
  parseImageReference,
} from '../core/image-reference.ts'
import type { Log } from '../core/log.ts'
import type { EngineImages, Image } from '../engine/engine.ts'
import type { ImagePins, Pin } from './image-pins.ts'
import type { ImagePolicy } from './image-policy.ts'
import type { ImageRecords } from './image-records.ts'
import type { PullReport } from './pull-watch.ts'
import type { Puller } from './puller.ts'

/** An image on this host that stays there until this is disposed. */
export interface HeldImage extends Disposable {
  /** What a sandbox is made from: a name may mean something else by then. */
  readonly id: string
  /** What its registry calls it, `sha256:...`; undefined for an image that was made on this host. */
  readonly digest: string | undefined
  /** Whether its name has come to mean another image. */
  readonly isStale: boolean
}

export interface ImageStoreDeps {
  readonly images: Pick<EngineImages, 'find'>
  readonly policy: ImagePolicy
  readonly pins: ImagePins
  readonly records: ImageRecords
  readonly puller: Puller
  readonly log: Log
  readonly pull: 'ifNotPresent' | 'never'
  /** Called when held images have become stale. */
  readonly onStale: () => void
}

/** Sees to it that an image is on this host, and stays while it is used. */
export class ImageStore {
  readonly #deps: ImageStoreDeps
  #lookUps = 0

  constructor(deps: ImageStoreDeps) {
    this.#deps = deps
  }

  /** Refuses at once what can never be run here. @throws validation_failed for a malformed reference; forbidden */
  assertAllowed(text: string): void {
    this.#deps.policy.assertAllowed(parseImageReference(text))
  }

  /**
   * The image, pulled when it is absent: once, however many wait, and given up when nobody waits any more. An image that
   * is here is never asked for of a registry. Whoever gets it disposes it.
   * @throws validation_failed, forbidden, image_not_found, image_auth, image_invalid, registry_unavailable,
   * image_pull_timeout, storage_full
   */
  async ensure(text: string, signal: AbortSignal): Promise<HeldImage> {
    using undo = new DisposableStack()
    const pin = undo.use(await this.#pin(text, signal))
    const lookUp = this.#nextLookUp()
    const present = await this.#deps.images.find(pin.reference, signal)
    const image = present ?? (await this.#pull(pin.reference, signal))
    const held = this.#hold(pin, image, present === undefined ? this.#nextLookUp() : lookUp)
    undo.move()
    return held
  }

  /**
   * The image if it is here: nothing is pulled. Whoever gets it disposes it.
   * @throws validation_failed, forbidden
   */
  async findPresent(text: string, signal: AbortSignal): Promise<HeldImage | undefined> {
    using undo = new DisposableStack()
    const pin = undo.use(await this.#pin(text, signal))
    const lookUp = this.#nextLookUp()
    const present = await this.#deps.images.find(pin.reference, signal)
    if (present === undefined) return undefined
    const held = this.#hold(pin, present, lookUp)
    undo.move()
    return held
  }

  /** Whether it is certain to be here without a look: somebody uses it under this name. */
  isInUse(text: string): boolean {
    return this.#deps.pins.isKept(parseImageReference(text))
  }

  /** How far a pull under way is; undefined for an image that none is for. */
  progress(text: string): PullReport | undefined {
    const reference = parseImageReference(text)
    return reference.kind === 'name' ? this.#deps.puller.progress(reference) : undefined
  }

  /** Looks up again what the names in use mean, and tells `onStale` of those that have moved. */
  async recheck(signal: AbortSignal): Promise<void> {
    for (const reference of this.#deps.pins.names()) {
      const lookUp = this.#nextLookUp()
      const image = await this.#deps.images.find(reference, signal)
      // A name that is gone means nothing else: what runs may go on.
      if (image !== undefined) this.#compare(reference, image.id, lookUp)
    }
  }

  async #pin(text: string, signal: AbortSignal): Promise<Pin> {
    const reference = parseImageReference(text)
    this.#deps.policy.assertAllowed(reference)
    return this.#deps.pins.pin(reference, signal)
  }

  #hold(pin: Pin, image: Image, lookUp: number): HeldImage {
    pin.resolve(image)
    this.#compare(pin.reference, image.id, lookUp)
    this.#deps.records.noteUse(image.id)
    return toHeldImage(pin, image)
  }

  #nextLookUp(): number {
    this.#lookUps += 1
    return this.#lookUps
  }

  #compare(reference: ImageReference, imageId: string, lookUp: number): void {
    const { pins, log, onStale } = this.#deps
    if (!pins.compare(reference, imageId, lookUp)) return
    log.info({ image: fullName(reference), id: imageId }, 'a name means another image now')
    onStale()
  }

  async #pull(reference: ImageReference, signal: AbortSignal): Promise<Image> {
    const { pull, policy, puller } = this.#deps
    if (reference.kind === 'id') throw notHere(reference, 'an image id cannot be pulled')
    if (pull === 'never') throw notHere(reference, 'images.pull is "never"')
    await policy.assertReachable(reference, signal)
    return puller.pull(reference, signal)
  }
}

function notHere(reference: ImageReference, why: string): ErrandError {
  return new ErrandError('image_not_found', `image ${fullName(reference)} is not on this host, and ${why}`)
}

function toHeldImage(pin: Pin, image: Image): HeldImage {
  return {
    id: image.id,
    digest: pin.reference.kind === 'name' ? digestOf(pin.reference, image) : undefined,
    get isStale() {
      return pin.isStale
    },
    [Symbol.dispose]: () => pin[Symbol.dispose](),
  }
}

/** An image can have digests of several repositories. */
function digestOf(reference: NamedReference, { digests }: Image): string | undefined {
  const prefix = `${fullRepository(reference)}@`
  return digests.find((digest) => digest.startsWith(prefix))?.slice(prefix.length)
}
