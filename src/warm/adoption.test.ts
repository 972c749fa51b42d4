import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { ErrandError } from '../core/errors.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { DEFAULT_RESOURCES } from '../core/resources.ts'
import { readTaskKey, type Task, type TaskKey, taskKey } from '../core/task.ts'
import { PROBE } from '../engine/fake/fake-probe.ts'
import type { HeldImage } from '../images/image-store.ts'
import type { Instance, InstancePlan } from '../instance/instance.ts'
import type { LeftInstance } from '../instance/left-instance.ts'
import { Ledger } from '../resources/ledger.ts'
import { type AdoptionDeps, adoptWarm } from './adoption.ts'
import { FakeInstance } from './fake-starter.fixture.ts'
import { TaskSpecs } from './task-specs.ts'

const TASK: Task = { image: 'hello', isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false }
const NAMED: Task = {
  ...TASK,
  definition: {
    name: 'resize',
    digest: 'abc',
    process: { environment: { MODE: 'fast' } },
    port: 80,
    readiness: { kind: 'http', path: '/up' },
    startTimeoutMs: 5,
    diskBytes: 7,
  },
}
const ROOM = { cpuMillis: 10_000, memoryBytes: 10 * DEFAULT_RESOURCES.memoryBytes, gpus: 0 }

/** The next process, and what it finds. */
class World {
  readonly clock: ManualClock = new ManualClock()
  readonly log: RecordingLog = new RecordingLog()
  readonly ledger: Ledger
  readonly adopted: string[] = []
  readonly discarded: string[] = []
  readonly kept: string[] = []
  readonly leaving = new AbortController()
  imageId: string | undefined = 'sha256:1'
  released = 0
  network = 'ours'
  /** The fake engine has no other than `runc`. */
  gvisorRuntime: string | undefined
  /** As it is defined now. */
  named: Task | undefined = NAMED
  readonly plans: InstancePlan[] = []
  /** How one is taken over. */
  take = async ({ id }: InstancePlan, _signal: AbortSignal): Promise<Instance> => new FakeInstance(id)

  constructor(room = ROOM) {
    this.ledger = new Ledger(room)
  }

  specs(network = this.network): TaskSpecs {
    const { gvisorRuntime } = this
    const runtimes = () => ({ microVmRuntime: undefined, gvisorRuntime, allowUnenforced: new Set<string>() })
    return new TaskSpecs({
      probe: PROBE,
      runtimes,
      sgx: undefined,
      port: 8080,
      network,
      networkKind: 'egress',
      presets: [],
      grantedPresets: [],
    })
  }

  left(id: string, task: Task = TASK): LeftInstance {
    const specs = this.specs('ours')
    const setup = specs.setupOf(specs.specify(task, 'sha256:1'))
    const lease = this.ledger.adopt(DEFAULT_RESOURCES, { instanceId: id, image: task.image })
    const key = taskKey({ id: 'caller' }, task)
    const keyed = readTaskKey(key)
    assert.ok(keyed)
    const record = { ...keyed, id, key, setup, leased: DEFAULT_RESOURCES }
    return { name: id, listing: { name: id, id, labels: {}, state: 'running' }, record, lease }
  }

  /** Resolves with what the log says of those that were not taken up. */
  async adopt(...left: readonly LeftInstance[]): Promise<unknown[]> {
    const adopting = adoptWarm(left, this.#deps(), this.leaving.signal)
    const waited = settle().then(() => this.clock.advance(2000))
    const [count] = await Promise.all([adopting, waited])
    assert.equal(count, this.adopted.length)
    assert.equal(this.adopted.length + this.discarded.length, left.length)
    return this.log.lines.map(({ facts }) => facts.code)
  }

  #deps(): AdoptionDeps {
    return {
      specs: this.specs(),
      images: { findPresent: async () => this.#image() },
      ledger: this.ledger,
      instances: {
        adopt: (_left, plan, signal) => {
          this.plans.push(plan)
          return this.take(plan, signal)
        },
        discard: ({ name, lease }) => {
          lease.markReturning()
          this.discarded.push(name)
        },
      },
      pool: {
        adopt: (key, task, { id }) => {
          assert.equal(key, taskKey({ id: 'caller' }, task))
          this.adopted.push(id)
        },
      },
      tracker: { track: () => {}, untrack: () => {} },
      definitions: { find: (key: TaskKey) => this.#find(key) },
      readiness: { kind: 'connect' },
      diskBytes: 1000,
      startTimeoutMs: 1000,
      clock: this.clock,
      log: this.log,
    }
  }

  #find(key: TaskKey): Task | undefined {
    if (this.named === undefined) return undefined
    return taskKey({ id: 'caller' }, this.named) === key ? this.named : undefined
  }

  #image(): HeldImage | undefined {
    if (this.imageId === undefined) return undefined
    const release = (): void => {
      this.released += 1
    }
    return { id: this.imageId, digest: undefined, isStale: false, [Symbol.dispose]: release }
  }
}

describe('of the warm instances that an earlier process left', () => {
  test('those that a start would make the same today are taken up, and keep their image', async () => {
    const world = new World()
    assert.deepEqual(await world.adopt(world.left('a'), world.left('b')), [])
    assert.deepEqual(world.adopted, ['a', 'b'])
    assert.equal(world.released, 0)
  })

  test('those whose image name means another one, or nothing, are removed', async () => {
    for (const [imageId, code] of [
      ['sha256:2', 'task_gone'],
      [undefined, 'image_not_found'],
    ] as const) {
      const world = new World()
      world.imageId = imageId
      assert.deepEqual(await world.adopt(world.left('a')), [code])
      assert.equal(world.released, imageId === undefined ? 0 : 1)
    }
  })

  test('those that were made under another configuration are removed', async () => {
    const world = new World()
    world.network = 'theirs'
    assert.deepEqual(await world.adopt(world.left('a')), ['task_gone'])
  })

  test('one under gVisor is taken up while that is offered, and removed when it is not', async () => {
    for (const [now, codes] of [
      ['runc', []],
      [undefined, ['runtime_unavailable']],
    ] as const) {
      const world = new World()
      world.gvisorRuntime = 'runc'
      const left = world.left('a', { ...TASK, isolation: 'gvisor' })
      world.gvisorRuntime = now
      assert.deepEqual(await world.adopt(left), codes)
    }
  })

  test('one of a named task is taken up on the terms of its definition', async () => {
    const world = new World()
    assert.deepEqual(await world.adopt(world.left('a', NAMED)), [])
    const [plan] = world.plans
    assert.deepEqual(
      [plan?.readiness, plan?.startTimeoutMs, plan?.diskBytes, plan?.spec.port, plan?.spec.process],
      [NAMED.definition?.readiness, 5, 7, 80, NAMED.definition?.process],
    )
  })

  test('one of a named task is removed that is defined otherwise now, or not at all', async () => {
    for (const digest of ['abd', undefined]) {
      const world = new World()
      world.named =
        digest === undefined || NAMED.definition === undefined
          ? undefined
          : { ...NAMED, definition: { ...NAMED.definition, digest } }
      assert.deepEqual(await world.adopt(world.left('a', NAMED)), ['task_gone'])
      assert.deepEqual(world.discarded, ['a'])
    }
  })

  test('those are removed that find no room, and no more', async () => {
    const world = new World({ ...ROOM, cpuMillis: 2 * DEFAULT_RESOURCES.cpuMillis })
    const left = ['a', 'b', 'c', 'd'].map((id) => world.left(id))
    assert.deepEqual(await world.adopt(...left), ['resources_exhausted', 'resources_exhausted'])
    assert.deepEqual(world.adopted, ['c', 'd'])
  })

  test('one that cannot be taken over is removed, and keeps up no other', async () => {
    const world = new World()
    world.take = async ({ id }) => {
      if (id === 'a') throw new ErrandError('not_ready', 'it does not listen')
      return new FakeInstance(id)
    }
    assert.deepEqual(await world.adopt(world.left('a'), world.left('b')), ['not_ready'])
    assert.deepEqual(world.adopted, ['b'])
  })

  test('one that is not found fit within two seconds is removed', async () => {
    const world = new World()
    world.take = ({ id }, signal) =>
      id === 'b'
        ? Promise.resolve(new FakeInstance(id))
        : new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    assert.deepEqual(await world.adopt(world.left('a'), world.left('b')), ['deadline_exceeded'])
    assert.deepEqual(world.adopted, ['b'])
  })

  test('none is waited for by a start that is called off', async () => {
    const world = new World()
    world.leaving.abort(new ErrandError('cancelled', 'called off'))
    world.take = async (_plan, signal) => {
      throw signal.reason
    }
    await assert.rejects(world.adopt(world.left('a')), { code: 'cancelled' })
  })
})
