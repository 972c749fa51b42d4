import { lookup } from 'node:dns/promises'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { EngineImages, EngineProbe } from '../engine/engine.ts'
import { type DiskProbe, probeDisk } from '../images/disk-space.ts'
import { ImageCollector } from '../images/image-collector.ts'
import { ImagePins } from '../images/image-pins.ts'
import { ImagePolicy } from '../images/image-policy.ts'
import { ImageRecords } from '../images/image-records.ts'
import { ImageStore } from '../images/image-store.ts'
import { NameWatch } from '../images/name-watch.ts'
import { Puller } from '../images/puller.ts'
import { RegistryAccounts } from '../images/registry-accounts.ts'
import type { Config } from './config/config.ts'

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
  config: Config,
  deps: OpenImagesDeps,
  held: AsyncDisposableStack,
): Promise<ImageStore> {
  const { images, probe, clock, log, onStale } = deps
  const { allow, privateRegistries, minFreeBytes, gcHighPercent, gcLowPercent, gcMinAgeMs } = config.images
  const pins = new ImagePins()
  const records = held.use(await ImageRecords.open({ folder: config.stateDir, clock, log }))
  const disk = await openDisk(probe, log)
  const limits = { highPercent: gcHighPercent, lowPercent: gcLowPercent, minAgeMs: gcMinAgeMs, minFreeBytes }
  const collector = held.use(new ImageCollector({ images, pins, records, disk, clock, log, limits }))
  const puller = new Puller({
    images,
    credentials: new RegistryAccounts({ path: config.docker.registryConfig, log }),
    room: collector,
    clock,
    log,
    pullTimeoutMs: config.images.pullTimeoutMs,
    noProgressTimeoutMs: config.images.noProgressTimeoutMs,
    onPulled: async ({ id }, name, isNew) => {
      await records.notePull(id, name, isNew)
      collector.wake()
    },
  })
  const policy = new ImagePolicy({ allow, privateRegistries, resolve: resolveHost })
  const store = new ImageStore({ images, policy, pins, records, puller, log, pull: config.images.pull, onStale })
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
