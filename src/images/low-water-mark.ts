import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { DiskProbe, DiskSpace } from './disk-space.ts'

export interface LowWaterMarkOptions {
  /** By names that callers may read: `state folder`, `engine`. */
  readonly disks: Readonly<Record<string, DiskProbe>>
  readonly clock: Clock
  /** What has to be free on each of them. Undefined: a tenth of the disk, and no more than 5 GiB. */
  readonly minFreeBytes: number | undefined
}

const MIN_FREE_SHARE = 0.1
const MOST_MIN_FREE_BYTES = 5 * 2 ** 30
const MIN_FREE_INODES = 0.05

/** For so long a look is good enough. */
const FRESH_MS = 1000
/** Room comes back when images are removed, or results expire: in minutes rather than seconds. */
const RETRY_AFTER_MS = 30_000

/** Refuses new work before a disk is full, while there is still room for what runs. */
export class LowWaterMark {
  readonly #options: LowWaterMarkOptions
  #look: { readonly atMs: number; readonly shortage: Promise<string | undefined> } | undefined

  constructor(options: LowWaterMarkOptions) {
    this.#options = options
  }

  /** @throws storage_full, with `retryAfterMs`, while one of the disks is below its mark */
  async assertRoom(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#look === undefined || nowMs - this.#look.atMs >= FRESH_MS) {
      this.#look = { atMs: nowMs, shortage: this.#findShortage() }
    }
    const shortage = await this.#look.shortage
    if (shortage !== undefined) throw new ErrandError('storage_full', shortage, { retryAfterMs: RETRY_AFTER_MS })
  }

  /** Disks that cannot be looked at are taken to have room. */
  async #findShortage(): Promise<string | undefined> {
    for (const [name, probe] of Object.entries(this.#options.disks)) {
      const space = await probe()
      const shortage = space && shortageOf(space, this.#options.minFreeBytes)
      if (shortage !== undefined) return `nothing new is taken: the disk of the ${name} ${shortage}`
    }
    return undefined
  }
}

/** What a disk lacks to take new work, as a predicate; undefined when it lacks nothing. `minFreeBytes` as in the options. */
export function shortageOf(
  { totalBytes, freeBytes, freeInodes = 1 }: DiskSpace,
  minFreeBytes?: number,
): string | undefined {
  const kept = minFreeBytes ?? Math.min(totalBytes * MIN_FREE_SHARE, MOST_MIN_FREE_BYTES)
  if (freeBytes < kept) return `has ${freeBytes} bytes left, fewer than the ${Math.ceil(kept)} that are kept free`
  if (freeInodes >= MIN_FREE_INODES) return undefined
  return `has ${(freeInodes * 100).toFixed(1)} % of its inodes left, fewer than ${MIN_FREE_INODES * 100} %`
}
