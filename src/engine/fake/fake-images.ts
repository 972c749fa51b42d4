import { createHash } from 'node:crypto'
import { ErrandError } from '../../core/errors.ts'
import { fullName, fullRepository, type ImageReference, parseImageReference } from '../../core/image-reference.ts'
import type { EngineImages, Image, ImageEvent, ImageRemoval, PullOptions, RegistryCredentials } from '../engine.ts'
import { FakeBroadcast } from './fake-broadcast.ts'
import type { FakeFaults } from './fake-faults.ts'
import type { FakeScript } from './fake-script.ts'

/** One pull as the registry would see it. */
export interface FakePull {
  readonly name: string
  readonly credentials: RegistryCredentials | undefined
}

/** The images of a fake engine: those on the host, and those that a registry would give. Names are full names. */
export class FakeImages implements EngineImages {
  /** Every pull that got as far as the registry. */
  readonly pulls: FakePull[] = []
  readonly #faults: FakeFaults
  readonly #isUsed: (imageId: string) => boolean
  /** Image ids by name. */
  readonly #local = new Map<string, string>()
  readonly #remote = new Map<string, string>()
  /** Every image that was ever named, by id; on the host while it has a name there, or is nameless. */
  readonly #made = new Map<string, { readonly image: Image; readonly script: FakeScript }>()
  readonly #nameless = new Set<string>()
  readonly #events = new FakeBroadcast<ImageEvent>({ kind: 'listening' })

  constructor(faults: FakeFaults, isUsed: (imageId: string) => boolean) {
    this.#faults = faults
    this.#isUsed = isUsed
  }

  /** Images of other versions have other ids; a name that meant another image moves. */
  add(reference: string, script: FakeScript, place: 'host' | 'registry', version = ''): Image {
    const parsed = parseImageReference(reference)
    if (parsed.kind === 'id') throw new Error('an image needs a name')
    const name = fullName(parsed)
    const hash = createHash('sha256').update(`${name}${version}`).digest('hex')
    const sizeBytes = script.imageBytes ?? 1
    const digests = place === 'host' ? [] : [`${fullRepository(parsed)}@sha256:${hash}`]
    const id = `sha256:${hash}`
    this.#made.set(id, { image: { id, tags: [], digests, sizeBytes, createdMs: undefined }, script })
    if (place === 'registry') this.#remote.set(name, id)
    else this.#name(name, id)
    return this.#view(id)
  }

  /** What the images on the host take together. */
  get storedBytes(): number {
    const local = [...this.#made].filter(([id]) => this.#isLocal(id))
    return local.reduce((sum, [, { image }]) => sum + image.sizeBytes, 0)
  }

  /** As `docker tag` does. */
  tag(imageId: string, reference: string): void {
    this.#name(fullName(parseImageReference(reference)), imageId)
  }

  /** The script of an image that is on the host. */
  findScript(imageId: string): FakeScript | undefined {
    return this.#isLocal(imageId) ? this.#made.get(imageId)?.script : undefined
  }

  /** Breaks every event stream. */
  dropEvents(): void {
    this.#events.drop()
  }

  async find(reference: ImageReference, signal: AbortSignal): Promise<Image | undefined> {
    return this.#faults.run('find', this.#scriptOf(this.#findLocal(reference)), signal, () => {
      const id = this.#findLocal(reference)
      return id === undefined ? undefined : this.#view(id)
    })
  }

  async list(signal: AbortSignal): Promise<Image[]> {
    return this.#faults.run('listImages', undefined, signal, () => {
      const local = [...this.#made.keys()].filter((id) => this.#isLocal(id))
      return local.map((id) => this.#view(id))
    })
  }

  async pull(reference: ImageReference, options: PullOptions, signal: AbortSignal): Promise<Image> {
    const name = fullName(reference)
    const id = this.#remote.get(name) ?? this.#local.get(name)
    this.pulls.push({ name, credentials: options.credentials })
    return this.#faults.run('pull', this.#scriptOf(id), signal, () => {
      if (id === undefined) throw new ErrandError('image_not_found', `no registry has ${name}`)
      options.onProgress({ status: 'Downloading', layer: 'all', currentBytes: 1, totalBytes: 1 })
      this.#name(name, id)
      return this.#view(id)
    })
  }

  async remove(reference: ImageReference, signal: AbortSignal): Promise<ImageRemoval> {
    return this.#faults.run('removeImage', undefined, signal, () => {
      const id = this.#findLocal(reference)
      if (id === undefined) return 'absent'
      const names = this.#namesOf(id)
      const taken = reference.kind === 'id' ? names : [fullName(reference)]
      const isLast = names.every((name) => taken.includes(name))
      if (isLast && this.#isUsed(id)) return 'in_use'
      for (const name of taken) this.#local.delete(name)
      if (isLast) this.#nameless.delete(id)
      return 'removed'
    })
  }

  async *events(signal: AbortSignal): AsyncGenerator<ImageEvent> {
    await this.#faults.run('imageEvents', undefined, signal, () => {})
    yield* this.#events.listen(() => true, signal)
  }

  #name(name: string, id: string): void {
    const before = this.#local.get(name)
    this.#local.set(name, id)
    this.#nameless.delete(id)
    if (before !== undefined && before !== id && this.#namesOf(before).length === 0) this.#nameless.add(before)
    this.#events.publish({ kind: 'names_changed' })
  }

  #view(id: string): Image {
    const made = this.#made.get(id)
    if (made === undefined) throw new ErrandError('image_not_found', `no image ${id}`)
    return { ...made.image, tags: this.#namesOf(id).filter((name) => !name.includes('@')) }
  }

  #namesOf(id: string): string[] {
    return [...this.#local].filter(([, named]) => named === id).map(([name]) => name)
  }

  #isLocal(id: string): boolean {
    return this.#nameless.has(id) || this.#namesOf(id).length > 0
  }

  #findLocal(reference: ImageReference): string | undefined {
    const name = fullName(reference)
    const isMeant = (id: string): boolean =>
      reference.kind === 'id' ? id.startsWith(name) : this.#made.get(id)?.image.digests.includes(name) === true
    return this.#local.get(name) ?? [...this.#made.keys()].find((id) => isMeant(id) && this.#isLocal(id))
  }

  #scriptOf(id: string | undefined): FakeScript | undefined {
    return id === undefined ? undefined : this.#made.get(id)?.script
  }
}
