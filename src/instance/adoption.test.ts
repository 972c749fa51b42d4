import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { readTaskKey } from '../core/task.ts'
import type { SandboxSpec } from '../engine/engine.ts'
import type { FakeScript } from '../engine/fake/fake-engine.ts'
import { plainSpec } from '../engine/sandbox-spec.fixture.ts'
import type { Lease } from '../resources/ledger.ts'
import { identify, warmRecordOf } from './identity.ts'
import type { Instance, InstancePlan } from './instance.ts'
import {
  advanceUntilSettled,
  coded,
  FakeLease,
  InstancesBench,
  KEY,
  MARK,
  START_TIMEOUT_MS,
} from './instances-bench.fixture.ts'
import type { LeftInstance } from './left-instance.ts'
import { StartPhases } from './start-phases.ts'

describe('a record of a warm instance', () => {
  const installation = { id: 'ours', macKey: Buffer.alloc(32, 1) }
  const spec = plainSpec('sha256:0')

  test('says whose it is, of which task, and what it holds', () => {
    const leased = { ...spec.resources, memoryBytes: 1 }
    const owner = { kind: 'warm', id: 'abc', key: KEY, setup: 'as today' } as const
    const identity = identify(installation, 'node', owner, spec, 2, leased)
    assert.deepEqual(warmRecordOf(identity), {
      ...readTaskKey(KEY),
      id: 'abc',
      key: KEY,
      setup: 'as today',
      leased,
    })
  })

  test('is not to be had of executions, nor of an earlier version', () => {
    const execution = { kind: 'execution', id: 'abc', executor: 'e', job: 'j', attempt: 1 } as const
    assert.equal(warmRecordOf(identify(installation, 'node', execution, spec)), undefined)
    const { labels } = identify(installation, 'node', { kind: 'warm', id: 'abc', key: KEY, setup: '' }, spec)
    const { 'dev.errand.task': _task, 'dev.errand.setup': _setup, ...older } = labels
    assert.equal(warmRecordOf({ labels: older }), undefined)
    for (const key of ['', 'null', '{}', '[]', '["caller","hello","none","1","1","0","false"]']) {
      assert.equal(warmRecordOf({ labels: { ...labels, 'dev.errand.task': key } }), undefined, key)
    }
  })
})

interface Left {
  readonly left: LeftInstance
  readonly lease: FakeLease
  readonly plan: InstancePlan
  readonly adopt: () => Promise<Instance>
}

/** What a process that was killed leaves: its sandbox, started or not, and nothing in memory. */
async function leave(
  bench: InstancesBench,
  script: FakeScript,
  isStarted = true,
  changes: Partial<SandboxSpec> = {},
): Promise<Left> {
  const image = bench.engine.addImage('left', script)
  const spec = plainSpec(image.id, changes)
  const owner = { kind: 'warm', id: 'left', key: KEY, setup: 'as today' } as const
  const ref = await bench.engine.create(spec, identify(bench.installation, 'test', owner, spec), bench.signal)
  if (isStarted) await bench.engine.start(ref, bench.signal)
  const lease = new FakeLease()
  const [left] = await bench.instances.leftWarm((): Lease => lease, bench.signal)
  assert.ok(left)
  const plan: InstancePlan = {
    id: left.record.id,
    key: left.record.key,
    setup: left.record.setup,
    image: { id: image.id, digest: undefined, isStale: false },
    spec,
    readiness: { kind: 'mark', mark: MARK },
    diskBytes: 1000,
    startTimeoutMs: START_TIMEOUT_MS,
    lease,
    phases: new StartPhases(bench.clock),
  }
  return { left, lease, plan, adopt: () => bench.instances.adopt(left, plan, bench.signal) }
}

describe('an instance that an earlier process left', () => {
  test('is taken over as it is, once it has been ready and listens', async () => {
    await using bench = await InstancesBench.open()
    const { adopt, lease } = await leave(bench, { mark: MARK })
    const [before] = bench.engine.sandboxes
    const instance = await adopt()
    assert.equal(instance.state, 'ready')
    assert.deepEqual(bench.engine.sandboxes, [before])
    assert.deepEqual(bench.intents, [], 'nothing was asked for that changes anything')
    const gone = instance.stop(0)
    await advanceUntilSettled(bench.clock, gone)
    assert.deepEqual(bench.engine.sandboxes, [])
    assert.equal(lease.releases, 1)
  })

  test('without a network is taken over on its socket', async () => {
    await using bench = await InstancesBench.open()
    const endpoint = { unixPath: '/nowhere/task.sock' }
    const { adopt } = await leave(bench, { mark: MARK, endpoint }, true, { network: 'none', hasSocket: true })
    assert.deepEqual((await adopt()).endpoint, endpoint)
  })

  test('is watched like any other', async () => {
    await using bench = await InstancesBench.open()
    const { adopt, left } = await leave(bench, { mark: MARK })
    const instance = await adopt()
    bench.engine.crash(left.name, 3)
    assert.equal((await instance.exited).exitCode, 3)
    await instance.stop(0)
  })

  for (const [why, script, isStarted, code] of [
    ['was not ready yet', { isNeverReady: true, mark: MARK }, true, 'not_ready'],
    ['has exited', { mark: MARK, exit: { code: 1 } }, true, 'task_gone'],
    ['was never started', { mark: MARK }, false, 'task_gone'],
  ] as const) {
    test(`is removed when it ${why}, and holds its lease until then`, async () => {
      await using bench = await InstancesBench.open()
      const { adopt, lease } = await leave(bench, script, isStarted)
      await assert.rejects(adopt(), coded(code))
      await advanceUntilSettled(bench.clock, bench.instances.idle())
      assert.deepEqual(bench.engine.sandboxes, [])
      assert.deepEqual([lease.isReturning, lease.releases], [true, 1])
    })
  }

  test('is removed when it is frozen, and when the engine gives no answer', async () => {
    await using bench = await InstancesBench.open()
    const frozen = await leave(bench, { mark: MARK })
    await bench.engine.pause(frozen.left.listing, bench.signal)
    await assert.rejects(frozen.adopt(), coded('task_gone'))
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    const silent = await leave(bench, { mark: MARK })
    bench.engine.failNext('output', new ErrandError('engine_unavailable', 'no answer'))
    await assert.rejects(silent.adopt(), coded('engine_unavailable'))
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.deepEqual(bench.engine.sandboxes, [])
    assert.equal(silent.lease.releases, 1)
  })

  test('that dies while it is looked at is removed, and not waited for', async () => {
    await using bench = await InstancesBench.open()
    const { adopt, left, lease } = await leave(bench, { mark: MARK, exit: { code: 7, afterMs: 60_000 } })
    using stalled = bench.engine.stall('output')
    const adopted = assert.rejects(adopt(), coded('task_exited'))
    bench.engine.crash(left.name, 7)
    await advanceUntilSettled(bench.clock, adopted)
    await adopted
    stalled[Symbol.dispose]()
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.deepEqual(bench.engine.sandboxes, [])
    assert.equal(lease.releases, 1)
  })

  test('is no leftover while it is decided upon, and is discarded once', async () => {
    await using bench = await InstancesBench.open()
    const { left, lease } = await leave(bench, { mark: MARK })
    assert.equal(await bench.instances.removeLeftovers(bench.signal), 0)
    bench.instances.discard(left)
    bench.instances.discard(left)
    await bench.instances.idle()
    assert.deepEqual(bench.engine.sandboxes, [])
    assert.equal(lease.releases, 1)
  })
})

test('what is to be taken up is spared in a gap of the events', async () => {
  await using bench = await InstancesBench.open()
  const image = bench.engine.addImage('left', { mark: MARK })
  const spec = plainSpec(image.id)
  const owner = { kind: 'execution', id: 'left', executor: 'e', job: 'j', attempt: 1 } as const
  const { engine, instances, clock, signal } = bench
  await engine.create(spec, identify(bench.installation, 'test', owner, spec), signal)
  const listenAgain = async (): Promise<void> => {
    const { events } = engine.calls
    engine.dropEvents()
    while (engine.calls.events === events) {
      await clock.advance(100)
      await settle()
    }
    await instances.idle()
  }
  const truce = instances.spareLeftovers()
  await listenAgain()
  assert.equal(engine.sandboxes.length, 1)
  truce[Symbol.dispose]()
  await listenAgain()
  assert.equal(engine.sandboxes.length, 0)
})
