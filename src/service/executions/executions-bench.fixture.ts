import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admission } from '../../admission/admission.ts'
import { StartPermits } from '../../admission/start-permits.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { ExecutionStatus } from '../../core/execution.ts'
import type { ExecutionRequest } from '../../core/execution-request.ts'
import { randomId } from '../../core/ids.ts'
import { silentLog } from '../../core/log.ts'
import { MIB } from '../../core/resources.ts'
import { FakeEngine, type FakeScript, type FakeStall } from '../../engine/fake/fake-engine.ts'
import { openImages } from '../../images/open-images.ts'
import { Instances } from '../../instance/instances.ts'
import { MemoryJournal } from '../../journal/memory/memory-journal.ts'
import { Ledger } from '../../resources/ledger.ts'
import { ExecutionService } from '../execution-service.ts'
import type { ExecutionRecord } from '../executor.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'

export const FULL: ErrandError = new ErrandError('storage_full', 'the disk is full', { retryAfterMs: 1000 })
export const DEAD: ErrandError = new ErrandError('storage_error', 'the journal is gone')

interface Stalled {
  readonly status: ExecutionStatus
  readonly reached: PromiseWithResolvers<void>
  readonly released: PromiseWithResolvers<void>
}

/** A journal that outlives its users, and that a test can make refuse. */
export class TestJournal extends MemoryJournal<ExecutionRecord> {
  /** What keeping this record is refused with; undefined where it is kept. */
  refusal: (record: ExecutionRecord) => ErrandError | undefined = () => undefined
  #stalled: Stalled | undefined

  override async save(record: ExecutionRecord): Promise<void> {
    if (this.#stalled?.status === record.status) {
      this.#stalled.reached.resolve()
      await this.#stalled.released.promise
    }
    const refusal = this.refusal(record)
    if (refusal !== undefined) throw refusal
    await super.save(record)
  }

  /** Records in this status are kept only once the returned value is disposed. */
  stall(status: ExecutionStatus): FakeStall {
    const stalled = { status, reached: Promise.withResolvers<void>(), released: Promise.withResolvers<void>() }
    this.#stalled = stalled
    return {
      reached: stalled.reached.promise,
      [Symbol.dispose]: () => {
        this.#stalled = undefined
        stalled.released.resolve()
      },
    }
  }

  /** The next record in this status is refused so many times. */
  refuse(status: ExecutionStatus, error: ErrandError, times: number = 1): void {
    let left = times
    this.refusal = (record) => {
      if (record.status !== status || left === 0) return undefined
      left -= 1
      return error
    }
  }
}

/** One life of a process that has executions. */
export interface Life {
  readonly executions: ExecutionService
  readonly ledger: Ledger
  /** As SIGTERM does it. */
  readonly letGo: () => Promise<void>
}

/** An engine, a journal and a folder, for one executor after the other. What `letGo` leaves, and a test may change, is what a killed process leaves. */
export class ExecutionsBench implements AsyncDisposable {
  readonly journal: TestJournal = new TestJournal()
  readonly engine: FakeEngine
  readonly #clock: Clock
  readonly #folder: string
  readonly #disk: string
  readonly #installation = { id: randomId(), macKey: Buffer.alloc(32, 1) }
  readonly #lives = new AsyncDisposableStack()

  private constructor(engine: FakeEngine, clock: Clock, folder: string, disk: string) {
    this.engine = engine
    this.#clock = clock
    this.#folder = folder
    this.#disk = disk
  }

  /** `disk`: where executions have their files. */
  static async make(
    images: Readonly<Record<string, FakeScript>>,
    clock: Clock = systemClock,
    disk?: string,
  ): Promise<ExecutionsBench> {
    const engine = new FakeEngine({ images, clock, probe: { outlivesRestart: false } })
    const folder = await mkdtemp(join(tmpdir(), 'errand-executions-'))
    return new ExecutionsBench(engine, clock, folder, disk ?? folder)
  }

  /** Takes up what earlier lives left, and removes from the engine what is nobody's. */
  async open(): Promise<Life> {
    await using held = new AsyncDisposableStack()
    const { engine, journal } = this
    const clock = this.#clock
    const signal = new AbortController().signal
    const reach = { accepts: async () => true, answers: async () => true }
    const common = { clock, log: silentLog, installation: this.#installation, node: 'test' }
    const instances = held.use(
      await Instances.open(
        { ...common, engine, reach, cpuCounter: () => undefined, intend: async () => {}, permits: new StartPermits(1) },
        signal,
      ),
    )
    const probe = await engine.probe(signal)
    const images = await openImages(
      { ...IMAGES, folder: this.#folder },
      { images: engine.images, probe, clock, log: silentLog, onStale: () => {} },
      held,
    )
    const ledger = new Ledger({ ...HOST, gpus: 0 })
    const admission = new Admission({
      ledger,
      host: { capacity: HOST, hostFree: () => HOST },
      idle: () => [],
      clock,
      limits: { queueLimit: 0, hostCheck: 'none', cpuOvercommit: 1 },
    })
    const executions = new ExecutionService({
      executorId: 'test',
      engines: new Map([['fake', { engine, probe, instances, images }]]),
      admission,
      journal,
      tracker: { track: () => {}, untrack: () => {} },
      clock,
      bootId: 'this boot',
      log: silentLog,
      newId: randomId,
      runtimes: { microVmRuntime: undefined, gvisorRuntime: 'runsc', allowUnenforced: new Set() },
      sgx: undefined,
      defaults: { ...DEFAULTS, queueTimeoutMs: 3_600_000, pullTimeoutMs: 3_600_000 },
      folder: join(this.#disk, 'executions'),
      trash: join(this.#disk, 'trash'),
      privatePaths: [this.#folder],
      watchPeriodMs: 5000,
    })
    {
      using _recovering = instances.spareLeftovers()
      await executions.recover(signal)
      await instances.removeLeftovers(signal)
    }
    const opened = held.move()
    const letGo = async (): Promise<void> => {
      await executions.detach()
      await opened.disposeAsync()
    }
    this.#lives.defer(letGo)
    return { executions, ledger, letGo }
  }

  request(image: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest & { readonly executionId: string } {
    return {
      executionId: randomId(),
      engineSpec: { type: 'fake', params: { image } },
      resources: { cpu: 1, memoryBytes: 64 * MIB },
      ...more,
    }
  }

  container(executionId: string, attempt = 1): string {
    return `errand-test-${executionId}-${attempt}`
  }

  /** Changes a record while no process is at work. */
  async rewrite(executionId: string, change: Partial<ExecutionRecord>): Promise<void> {
    const record = await this.journal.find('test', executionId)
    if (record !== undefined) await this.journal.save({ ...record, ...change })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lives.disposeAsync()
    await this.engine[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

const HOST = { cpuMillis: 2000, memoryBytes: 1024 * MIB }

const IMAGES = {
  pull: 'ifNotPresent',
  pullTimeoutMs: 300_000,
  noProgressTimeoutMs: 120_000,
  allow: ['**'],
  privateRegistries: [],
  minFreeBytes: 0,
  gcHighPercent: 85,
  gcLowPercent: 80,
  gcMinAgeMs: 120_000,
  registryConfig: '/nonexistent',
} as const
