import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { plainSpec } from '../engine/sandbox-spec.fixture.ts'
import { identify } from './identity.ts'
import { advanceUntilSettled, coded, InstancesBench, KEY, MARK } from './instances-bench.fixture.ts'
import { Reconciliation } from './reconciliation.ts'

const PERIOD_MS = 30_000

describe('I3, I4: a look at the engine every 30 s', () => {
  test('finds that a sandbox was removed of which no event told', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease, name } = await bench.ready()
    using _silence = bench.engine.stall('events')
    bench.engine.dropEvents()
    await settle()
    await bench.engine.vanish(name)
    await bench.clock.advance(PERIOD_MS)
    assert.equal((await instance.exited).exitCode, undefined)
    await instance.stop(0)
    assert.equal(lease.releases, 1)
  })

  test('removes what belongs to no instance, once it is seen for the second time', async () => {
    await using bench = await InstancesBench.open()
    await bench.ready()
    const image = bench.engine.addImage('stray', {})
    const spec = plainSpec(image.id)
    const owner = { kind: 'warm', id: 'stray', key: KEY, setup: 'as today' } as const
    await bench.engine.create(spec, identify(bench.installation, 'test', owner, spec), bench.signal)
    await bench.clock.advance(PERIOD_MS)
    assert.equal(bench.engine.sandboxes.length, 2)
    await bench.clock.advance(PERIOD_MS)
    assert.equal(bench.engine.sandboxes.length, 1)
  })

  test('finds what a create has made that gave no answer, long after it was given up', async () => {
    await using bench = await InstancesBench.open()
    bench.engine.failNext('create', new ErrandError('engine_unavailable', 'no answer', { retryAfterMs: 1000 }))
    const { plan, instance, lease } = bench.launch({ mark: MARK })
    const failed = assert.rejects(instance, coded('engine_unavailable'))
    await advanceUntilSettled(bench.clock, instance)
    await failed
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.equal(lease.releases, 1)
    await bench.clock.advance(10_000)
    const identity = identify(bench.installation, 'test', { kind: 'warm', ...plan }, plan.spec)
    await bench.engine.create(plan.spec, identity, bench.signal)
    await bench.clock.advance(PERIOD_MS)
    await bench.instances.idle()
    assert.deepEqual(bench.engine.sandboxes, [])
    await bench.clock.advance(3 * PERIOD_MS)
    assert.equal(bench.clock.pendingTimers, 0)
  })

  test('finds what a create has made that was called off meanwhile, long after it was given up', async () => {
    await using bench = await InstancesBench.open()
    const stalled = bench.engine.stall('create')
    const { plan, instance } = bench.launch({ mark: MARK })
    const failed = assert.rejects(instance, coded('cancelled'))
    await stalled.reached
    bench.leave()
    await advanceUntilSettled(bench.clock, instance)
    await failed
    stalled[Symbol.dispose]()
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.deepEqual(bench.engine.sandboxes, [])
    await bench.clock.advance(10_000)
    const identity = identify(bench.installation, 'test', { kind: 'warm', ...plan }, plan.spec)
    await bench.engine.create(plan.spec, identity, new AbortController().signal)
    await bench.clock.advance(PERIOD_MS)
    await bench.instances.idle()
    assert.deepEqual(bench.engine.sandboxes, [])
  })

  test('is not taken after disposal', async () => {
    const clock = new ManualClock()
    const reconciliation = new Reconciliation(
      clock,
      () => true,
      () => {},
    )
    reconciliation[Symbol.dispose]()
    reconciliation.arm()
    reconciliation.lookAgain()
    assert.equal(clock.pendingTimers, 0)
  })

  test('is not taken while there is nothing', async () => {
    await using bench = await InstancesBench.open()
    const { instance } = await bench.ready()
    await instance.stop(0)
    await bench.clock.advance(PERIOD_MS)
    const before = bench.engine.calls.list
    await bench.clock.advance(10 * PERIOD_MS)
    assert.equal(bench.engine.calls.list, before)
    assert.equal(bench.clock.pendingTimers, 0)
  })
})
