import { fullName, type ImageReference } from '../core/image-reference.ts'
import type { Image } from '../engine/engine.ts'
import { abortable } from '../util/abort.ts'

/** An image that must not go: an instance has it, or a start wants it. Disposing lets go. */
export class Pin implements Disposable {
  readonly reference: ImageReference
  readonly #release: (pin: Pin) => void
  #image: Image | undefined
  /** Number of the look-up that `#isStale` comes from: answers may overtake each other. */
  #lookUp = 0
  #isStale = false

  constructor(reference: ImageReference, release: (pin: Pin) => void) {
    this.reference = reference
    this.#release = release
  }

  /** What the name meant when it was resolved; undefined until then. */
  get image(): Image | undefined {
    return this.#image
  }

  /** Whether its name has come to mean another image. */
  get isStale(): boolean {
    return this.#isStale
  }

  resolve(image: Image): void {
    this.#image = image
  }

  /** True when it has just become stale. */
  compare(imageId: string, lookUp: number): boolean {
    if (this.#image === undefined || lookUp < this.#lookUp) return false
    const wasStale = this.#isStale
    this.#lookUp = lookUp
    this.#isStale = this.#image.id !== imageId
    return this.#isStale && !wasStale
  }

  keeps(image: Image): boolean {
    return this.#image?.id === image.id || isNameOf(this.reference, image)
  }

  [Symbol.dispose](): void {
    this.#release(this)
  }
}

interface Removal {
  readonly image: Image
  readonly done: Promise<unknown>
}

/** Who keeps which image; settles who comes first, a start or a removal. */
export class ImagePins {
  readonly #pins = new Set<Pin>()
  readonly #removals = new Set<Removal>()

  /** Pins whatever the reference means. Waits while that is being removed. */
  async pin(reference: ImageReference, signal: AbortSignal): Promise<Pin> {
    const underWay = (): Removal | undefined => [...this.#removals].find(({ image }) => isNameOf(reference, image))
    for (let removal = underWay(); removal !== undefined; removal = underWay()) {
      await abortable(removal.done, signal)
    }
    const pin = new Pin(reference, (released) => this.#pins.delete(released))
    this.#pins.add(pin)
    return pin
  }

  /** Runs a removal unless somebody keeps the image; false when somebody does. `remove` must not reject. */
  async removeUnlessKept(image: Image, remove: () => Promise<void>): Promise<boolean> {
    if ([...this.#pins].some((pin) => pin.keeps(image))) return false
    const removal = { image, done: remove() }
    this.#removals.add(removal)
    await removal.done
    this.#removals.delete(removal)
    return true
  }

  /** Whether somebody keeps what a reference means, and so has found it here. */
  isKept(reference: ImageReference): boolean {
    const name = fullName(reference)
    return [...this.#pins].some((pin) => pin.image !== undefined && fullName(pin.reference) === name)
  }

  /** The names that are in use, each once. An id cannot move. */
  names(): ImageReference[] {
    const named = [...this.#pins].map(({ reference }) => reference).filter(({ kind }) => kind === 'name')
    return [...new Map(named.map((reference) => [fullName(reference), reference])).values()]
  }

  /** Tells all who keep this name what it means now; true when that has outdated one of them. */
  compare(reference: ImageReference, imageId: string, lookUp: number): boolean {
    const name = fullName(reference)
    const same = [...this.#pins].filter((pin) => fullName(pin.reference) === name)
    return same.map((pin) => pin.compare(imageId, lookUp)).includes(true)
  }
}

function isNameOf(reference: ImageReference, image: Image): boolean {
  if (reference.kind === 'id') return image.id.startsWith(reference.id)
  const name = fullName(reference)
  return image.tags.includes(name) || image.digests.includes(name)
}
