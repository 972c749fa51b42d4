import { lookup } from 'node:dns/promises'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { EngineImages, EngineProbe } from '../engine/engine.ts'
import { type DiskProbe, probeDisk } from './disk-space.ts'
import { ImageCollector } from './image-collector.ts'
import { ImagePins } from './image-pins.ts'
import { ImagePolicy } from './image-policy.ts'
import { ImageRecords } from './image-records.ts'
import { ImageStore } from './image-store.ts'
import { NameWatch } from './name-watch.ts'
import { Puller } from './puller.ts'
import { RegistryAccounts } from './registry-accounts.ts'

export interface ImageOptions {
  readonly pull: 'ifNotPresent' | 'never'
  readonly pullTimeoutMs: number
  readonly noProgressTimeoutMs: number
  /** Globs over full names. */
  readonly allow: readonly string[]
  /** `HOST` or `HOST:PORT`, in lower case. */
  readonly privateRegistries: readonly string[]
  readonly minFreeBytes: number
  readonly gcHighPercent: number
  readonly gcLowPercent: number
  readonly gcMinAgeMs: number
  /** A Docker config file, which need not exist. */
  readonly registryConfig: string
  /** Where records of images are kept. */
  readonly folder: string
}

export interface OpenImagesDeps {
  readonly images: EngineImages
  readonly probe: EngineProbe
  readonly clock: Clock
  readonly log: Log
  /** Called when images in use have become stale. */
  readonly onStale: () => void
}

/** Puts together what keeps images on this host; `held` ends what goes on in the background. */
export async function openImages(
  options: ImageOptions,
  deps: OpenImagesDeps,
  held: AsyncDisposableStack,
): Promise<ImageStore> {
  const { images, probe, clock, log, onStale } = deps
  const { allow, privateRegistries, minFreeBytes, gcHighPercent, gcLowPercent, gcMinAgeMs } = options
  const pins = new ImagePins()
  const records = held.use(await ImageRecords.open({ folder: options.folder, clock, log }))
  const disk = await openDisk(probe, log)
  const limits = { highPercent: gcHighPercent, lowPercent: gcLowPercent, minAgeMs: gcMinAgeMs, minFreeBytes }
  const collector = held.use(new ImageCollector({ images, pins, records, disk, clock, log, limits }))
  const puller = new Puller({
    images,
    credentials: new RegistryAccounts({ path: options.registryConfig, log }),
    room: collector,
    clock,
    log,
    pullTimeoutMs: options.pullTimeoutMs,
    noProgressTimeoutMs: options.noProgressTimeoutMs,
    onPulled: async ({ id }, name, isNew) => {
      await records.notePull(id, name, isNew)
      collector.wake()
    },
  })
  const policy = new ImagePolicy({ allow, privateRegistries, resolve: resolveHost })
  const store = new ImageStore({ images, policy, pins, records, puller, log, pull: options.pull, onStale })
  const watch = held.use(new NameWatch({ images, clock, log, recheck: (signal) => store.recheck(signal) }))
  watch.start()
  collector.start()
  return store
}

async function openDisk({ storageFolder }: EngineProbe, log: Log): Promise<DiskProbe> {
  const disk: DiskProbe = storageFolder === undefined ? async () => undefined : probeDisk(storageFolder)
  if ((await disk()) === undefined) {
    log.warn({ storageFolder }, "the engine's disk is out of sight: its free space is not watched, no image is removed")
  }
  return disk
}

/** A name that cannot be resolved here is the engine's affair: it may know better, and tells what is wrong. */
async function resolveHost(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true }).catch(() => [])
  return found.map(({ address }) => address)
}
