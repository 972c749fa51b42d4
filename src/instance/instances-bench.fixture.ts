import { StartPermits } from '../admission/start-permits.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import { silentLog } from '../core/log.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { DEFAULT_RESOURCES, type Resources } from '../core/resources.ts'
import { type Readiness, type TaskKey, taskKey } from '../core/task.ts'
import type { SandboxSpec } from '../engine/engine.ts'
import { FakeEngine, type FakeScript } from '../engine/fake/fake-engine.ts'
import { plainSpec } from '../engine/sandbox-spec.fixture.ts'
import type { Lease, LeaseHolder } from '../resources/ledger.ts'
import type { Instance, InstancePlan, Intent } from './instance.ts'
import { Instances } from './instances.ts'
import { StartPhases } from './start-phases.ts'

export const MARK = 'ready now'
export const START_TIMEOUT_MS = 10_000
export const DISK_BYTES: number = 1024 * 1024
/** Of some task. */
export const KEY: TaskKey = taskKey(
  { id: 'caller' },
  { image: 'hello', isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false },
)

/** A lease that a test can look at. */
export class FakeLease implements Lease {
  readonly resources: Resources = DEFAULT_RESOURCES
  readonly holder: LeaseHolder = { instanceId: 'any', image: 'any' }
  isReturning = false
  releases = 0

  markReturning(): void {
    this.isReturning = true
  }

  release(): void {
    this.releases += 1
  }
}

export interface Launched {
  readonly instance: Promise<Instance>
  readonly plan: InstancePlan
  readonly lease: FakeLease
}

export interface BenchOptions {
  readonly engine?: (clock: ManualClock) => FakeEngine
  readonly permits?: number
}

/** Instances on a fake engine and a clock that the test moves. Every endpoint is taken for reachable. */
export class InstancesBench implements AsyncDisposable {
  readonly installation: { readonly id: string; readonly macKey: Buffer } = {
    id: randomId(),
    macKey: Buffer.alloc(32, 1),
  }
  readonly clock: ManualClock = new ManualClock()
  readonly intents: Intent[] = []
  readonly engine: FakeEngine
  readonly #leaving = new AbortController()
  #instances: Instances | undefined

  private constructor(options: BenchOptions) {
    this.engine = options.engine?.(this.clock) ?? new FakeEngine({ clock: this.clock })
  }

  static async open(options: BenchOptions = {}): Promise<InstancesBench> {
    const bench = new InstancesBench(options)
    const { engine, clock, installation } = bench
    const reach = { accepts: async () => true, answers: async () => true }
    const intend = async (intent: Intent): Promise<void> => void bench.intents.push(intent)
    const permits = new StartPermits(options.permits ?? 4)
    const deps = {
      engine,
      reach,
      cpuCounter: () => undefined,
      clock,
      log: silentLog,
      intend,
      installation,
      node: 'test',
      permits,
    }
    bench.#instances = await Instances.open(deps, bench.signal)
    return bench
  }

  get signal(): AbortSignal {
    return this.#leaving.signal
  }

  get instances(): Instances {
    if (this.#instances === undefined) throw new Error('not open')
    return this.#instances
  }

  /** Starts an instance of a new image with this script. */
  launch(
    script: FakeScript,
    readiness: Readiness = { kind: 'mark', mark: MARK },
    changes: Partial<SandboxSpec> = {},
  ): Launched {
    const id = randomId()
    const image = this.engine.addImage(`image-${id}`, script)
    const spec = plainSpec(image.id, changes)
    const lease = new FakeLease()
    const phases = new StartPhases(this.clock)
    const held = { id: image.id, digest: undefined, isStale: false }
    const plan = {
      id,
      key: KEY,
      setup: 'as today',
      image: held,
      spec,
      readiness,
      diskBytes: DISK_BYTES,
      startTimeoutMs: START_TIMEOUT_MS,
      lease,
      phases,
    }
    return { instance: this.instances.launch(plan, this.signal), plan, lease }
  }

  /** An instance that serves. */
  async ready(script: FakeScript = {}): Promise<{ instance: Instance; lease: FakeLease; name: string }> {
    const { instance, lease } = this.launch({ mark: MARK, ...script })
    const ready = await instance
    return { instance: ready, lease, name: `errand-test-${ready.id}-1` }
  }

  /** Whoever launches leaves. */
  leave(): void {
    this.#leaving.abort(new ErrandError('cancelled', 'left'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#instances?.[Symbol.asyncDispose]()
    await this.engine[Symbol.asyncDispose]()
  }
}

/** Resolves once `isTrue`, letting the real servers of the fake engine do their work meanwhile; the clock stands still. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await settle()
}

/** Moves the clock on, step by step, until the promise has settled. */
export async function advanceUntilSettled(clock: ManualClock, promise: Promise<unknown>): Promise<void> {
  let isSettled = false
  const settled = promise.then(
    () => undefined,
    () => undefined,
  )
  void settled.then(() => {
    isSettled = true
  })
  while (!isSettled) {
    await clock.advance(100)
    await settle()
  }
}

export function coded(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof ErrandError && error.code === code) return true
    throw error
  }
}
