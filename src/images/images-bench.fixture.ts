import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { RegistryCredentials } from '../engine/engine.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import type { DiskSpace } from './disk-space.ts'
import { type CollectorLimits, ImageCollector } from './image-collector.ts'
import { ImagePins } from './image-pins.ts'
import { ImagePolicy } from './image-policy.ts'
import { ImageRecords } from './image-records.ts'
import { ImageStore } from './image-store.ts'
import { Puller } from './puller.ts'

export interface ImagesBenchOptions {
  readonly pull?: 'ifNotPresent' | 'never'
  readonly pullTimeoutMs?: number
  readonly noProgressTimeoutMs?: number
  readonly allow?: readonly string[]
  readonly privateRegistries?: readonly string[]
  readonly addresses?: Readonly<Record<string, string>>
  readonly credentials?: RegistryCredentials
  readonly limits?: Partial<CollectorLimits>
  /** Kept by the test, across benches; else a folder of the bench's own. */
  readonly folder?: string
  readonly engine?: FakeEngine
}

const LIMITS: CollectorLimits = { highPercent: 80, lowPercent: 60, minAgeMs: 1000, minFreeBytes: 0 }

/** The whole of images/ on a fake engine, a clock that the test moves, and a disk that it fills. */
export class ImagesBench implements AsyncDisposable {
  readonly clock: ManualClock
  readonly log: RecordingLog = new RecordingLog()
  readonly engine: FakeEngine
  readonly records: ImageRecords
  readonly collector: ImageCollector
  readonly store: ImageStore
  /** Undefined: out of sight. The default is as full as the images on the host are large. */
  disk: () => DiskSpace | undefined
  /** Calls of `onStale`. */
  stale = 0
  readonly #ownFolder: string | undefined

  private constructor(options: ImagesBenchOptions, clock: ManualClock, records: ImageRecords, ownFolder?: string) {
    const { engine = new FakeEngine({ clock }), credentials, addresses = {} } = options
    const { log } = this
    const { images } = engine
    const pins = new ImagePins()
    const { allow = ['**'], privateRegistries = [], pull = 'ifNotPresent' } = options
    const resolve = async (host: string): Promise<string[]> => [addresses[host] ?? '93.184.216.34']
    const limits = { ...LIMITS, ...options.limits }
    this.clock = clock
    this.records = records
    this.engine = engine
    this.#ownFolder = ownFolder
    this.disk = () => ({ totalBytes: 1000, freeBytes: 1000 - images.storedBytes })
    this.collector = new ImageCollector({ images, pins, records, disk: async () => this.disk(), clock, log, limits })
    const puller = new Puller({
      images,
      credentials: { find: async (registry) => (registry === credentials?.registry ? credentials : undefined) },
      room: this.collector,
      clock,
      log,
      pullTimeoutMs: options.pullTimeoutMs ?? 300_000,
      noProgressTimeoutMs: options.noProgressTimeoutMs ?? 120_000,
      onPulled: ({ id }, name, isNew) => records.notePull(id, name, isNew),
    })
    const policy = new ImagePolicy({ allow, privateRegistries, resolve })
    const onStale = (): void => {
      this.stale += 1
    }
    this.store = new ImageStore({ images, policy, pins, records, puller, log, pull, onStale })
  }

  static async open(options: ImagesBenchOptions = {}): Promise<ImagesBench> {
    const clock = new ManualClock()
    const ownFolder = options.folder === undefined ? await mkdtemp(join(tmpdir(), 'errand-images-')) : undefined
    const folder = options.folder ?? ownFolder ?? ''
    const records = await ImageRecords.open({ folder, clock, log: new RecordingLog() })
    return new ImagesBench(options, clock, records, ownFolder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.collector[Symbol.asyncDispose]()
    await this.records[Symbol.asyncDispose]()
    await this.engine[Symbol.asyncDispose]()
    if (this.#ownFolder !== undefined) await rm(this.#ownFolder, { recursive: true })
  }
}

export function coded(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof ErrandError && error.code === code
}
