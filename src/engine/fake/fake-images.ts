import { createHash } from 'node:crypto'
import { ErrandError } from '../../core/errors.ts'
import { formatImageReference, type ImageReference, parseImageReference } from '../../core/image-reference.ts'
import type { EngineImages, Image, PullProgress } from '../engine.ts'
import type { FakeFaults } from './fake-faults.ts'
import type { FakeScript } from './fake-script.ts'

/** The images of a fake engine: those on the host, and those that a registry would give. */
export class FakeImages implements EngineImages {
  readonly #faults: FakeFaults
  readonly #local = new Map<string, Image>()
  readonly #remote = new Map<string, Image>()
  readonly #scripts = new Map<string, FakeScript>()

  constructor(faults: FakeFaults) {
    this.#faults = faults
  }

  add(reference: string, script: FakeScript, place: 'host' | 'registry'): Image {
    const name = formatImageReference(parseImageReference(reference))
    const image = { id: `sha256:${createHash('sha256').update(name).digest('hex')}` }
    this.#scripts.set(image.id, script)
    const images = place === 'host' ? this.#local : this.#remote
    images.set(name, image)
    return image
  }

  /** The script of an image that is on the host. */
  findScript(imageId: string): FakeScript | undefined {
    const isLocal = [...this.#local.values()].some((image) => image.id === imageId)
    return isLocal ? this.#scripts.get(imageId) : undefined
  }

  async find(reference: ImageReference, signal: AbortSignal): Promise<Image | undefined> {
    const image = this.#findLocal(reference)
    return this.#faults.run('find', this.#scriptOf(image), signal, () => this.#findLocal(reference))
  }

  async pull(
    reference: ImageReference,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<Image> {
    const name = formatImageReference(reference)
    const image = this.#remote.get(name) ?? this.#local.get(name)
    return this.#faults.run('pull', this.#scriptOf(image), signal, () => {
      if (image === undefined) throw new ErrandError('image_not_found', `no registry has ${name}`)
      onProgress({ status: 'Downloading', currentBytes: 1, totalBytes: 1 })
      this.#local.set(name, image)
      return image
    })
  }

  #findLocal(reference: ImageReference): Image | undefined {
    if (reference.kind === 'name') return this.#local.get(formatImageReference(reference))
    return [...this.#local.values()].find((image) => image.id.startsWith(reference.id))
  }

  #scriptOf(image: Image | undefined): FakeScript | undefined {
    return image === undefined ? undefined : this.#scripts.get(image.id)
  }
}
