import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { parseImageReference } from '../core/image-reference.ts'
import type { Log } from '../core/log.ts'
import type { EngineImages, Image } from '../engine/engine.ts'
import { BackgroundWork } from '../util/background-work.ts'
import type { DiskProbe, DiskSpace } from './disk-space.ts'
import type { ImagePins } from './image-pins.ts'
import type { ImageRecord, ImageRecords } from './image-records.ts'
import type { PullRoom } from './puller.ts'

export interface CollectorLimits {
  /** Share of the disk in use, in percent, from which on images are removed. */
  readonly highPercent: number
  /** Where removing ends; counts as `highPercent` at most. */
  readonly lowPercent: number
  /** An image that was used within this time stays. */
  readonly minAgeMs: number
  /** Kept free: a pull that would need it is not begun. */
  readonly minFreeBytes: number
}

export interface ImageCollectorDeps {
  readonly images: Pick<EngineImages, 'find' | 'list' | 'remove'>
  readonly pins: ImagePins
  readonly records: ImageRecords
  readonly disk: DiskProbe
  readonly clock: Clock
  readonly log: Log
  readonly limits: CollectorLimits
}

const PERIOD_MS = 300_000

interface Candidate {
  readonly record: ImageRecord
  readonly image: Image
}

/**
 * Keeps the engine's disk from filling up with images: those that this installation pulled, that nobody uses, and that
 * nobody else has given a name, least recently used first. Disposing ends it after the removal under way.
 */
export class ImageCollector implements PullRoom, AsyncDisposable {
  readonly #deps: ImageCollectorDeps
  readonly #closing = new AbortController()
  readonly #background = new BackgroundWork()
  #running: Promise<unknown> = Promise.resolve()
  #timer: Disposable | undefined

  constructor(deps: ImageCollectorDeps) {
    this.#deps = deps
  }

  /** Looks now, and every five minutes. */
  start(): void {
    this.wake()
    this.#timer = this.#deps.clock.setTimer(PERIOD_MS, () => this.start())
  }

  /** Looks now, in the background. */
  wake(): void {
    this.#background.add(this.collect())
  }

  /** Removes images down to the low mark, when the high one is reached. Never rejects. */
  async collect(): Promise<void> {
    const { highPercent, lowPercent } = this.#deps.limits
    const disk = await this.#deps.disk()
    if (disk === undefined || usedPercent(disk) < highPercent) return
    const mark = Math.min(lowPercent, highPercent)
    await this.#freeUntil((now) => usedPercent(now) <= mark)
  }

  async makeRoom(signal: AbortSignal): Promise<void> {
    if ((await this.spareBytes()) > 0) return
    await this.#freeUntil(({ freeBytes }) => freeBytes > this.#deps.limits.minFreeBytes)
    signal.throwIfAborted()
    const spareBytes = await this.spareBytes()
    if (spareBytes > 0) return
    const { minFreeBytes } = this.#deps.limits
    const message = `the disk of the engine has less than ${minFreeBytes} bytes free: no image is pulled`
    throw new ErrandError('storage_full', message, { details: { missingBytes: -spareBytes } })
  }

  async spareBytes(): Promise<number> {
    const disk = await this.#deps.disk()
    return disk === undefined ? Number.POSITIVE_INFINITY : disk.freeBytes - this.#deps.limits.minFreeBytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    this.#closing.abort(new ErrandError('cancelled', 'the node lets go of its images'))
    await this.#background.idle()
    await this.#running
  }

  /** One after the other: a second one finds what the first has freed. */
  async #freeUntil(isEnough: (disk: DiskSpace) => boolean): Promise<void> {
    this.#running = this.#running.then(() => this.#free(isEnough))
    await this.#running
  }

  async #free(isEnough: (disk: DiskSpace) => boolean): Promise<void> {
    const { disk, log } = this.#deps
    try {
      for (const candidate of await this.#candidates()) {
        const now = await disk()
        if (this.#closing.signal.aborted || now === undefined || isEnough(now)) return
        await this.#remove(candidate)
      }
      const left = await disk()
      if (left !== undefined && !isEnough(left)) {
        log.warn({ ...left }, 'the disk of the engine is nearly full, and no image of ours is left to remove')
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) log.warn({ err: error }, 'images could not be removed')
    }
  }

  /** Least recently used first. */
  async #candidates(): Promise<Candidate[]> {
    const { images, records, clock, limits } = this.#deps
    const present = new Map((await images.list(this.#closing.signal)).map((image) => [image.id, image]))
    const candidates: Candidate[] = []
    for (const record of records.all) {
      const image = present.get(record.id)
      if (image === undefined) records.forget(record.id)
      else if (isOursAlone(image, record) && clock.wallMs() - record.usedMs >= limits.minAgeMs) {
        candidates.push({ record, image })
      }
    }
    return candidates.toSorted((a, b) => a.record.usedMs - b.record.usedMs)
  }

  async #remove({ record, image }: Candidate): Promise<void> {
    const { pins, log } = this.#deps
    const remove = async (): Promise<void> => {
      await this.#takeNamesOff(image).catch((error: unknown) => {
        log.warn({ err: error, id: image.id }, 'an image could not be removed')
      })
    }
    if (!(await pins.removeUnlessKept(image, remove))) return
    const { images, records } = this.#deps
    if ((await images.find({ kind: 'id', id: image.id }, this.#closing.signal)) !== undefined) return
    records.forget(record.id)
    const unusedMs = this.#deps.clock.wallMs() - record.usedMs
    log.info({ id: image.id, names: record.names, sizeBytes: image.sizeBytes, unusedMs }, 'removed an unused image')
  }

  /** Name by name: a name that somebody gives it meanwhile keeps it. */
  async #takeNamesOff({ id, tags, digests }: Image): Promise<void> {
    const { images } = this.#deps
    const { signal } = this.#closing
    for (const name of [...tags, ...digests]) {
      if ((await images.remove(parseImageReference(name), signal)) === 'in_use') return
    }
    if (tags.length + digests.length === 0) await images.remove({ kind: 'id', id }, signal)
  }
}

function isOursAlone({ tags }: Image, { names }: ImageRecord): boolean {
  return tags.every((tag) => names.includes(tag))
}

function usedPercent({ totalBytes, freeBytes }: DiskSpace): number {
  return totalBytes === 0 ? 0 : (1 - freeBytes / totalBytes) * 100
}
