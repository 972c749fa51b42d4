import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { EngineUnresponsive } from '../engine/engine-breaker.ts'
import { identify, isOurs } from './identity.ts'
import {
  advanceUntilSettled,
  coded,
  InstancesBench,
  KEY,
  type Launched,
  MARK,
  until,
} from './instances-bench.fixture.ts'

const options = { timeout: 30_000 }
const lostAnswer = new ErrandError('engine_unavailable', 'no answer', { retryAfterMs: 1000 })

/** Somebody else's sandbox under the name that the first attempt of a launch takes. */
async function squat(bench: InstancesBench, { plan }: Launched): Promise<string> {
  const name = `errand-test-${plan.id}-1`
  await bench.engine.create(plan.spec, { name, labels: { owner: 'somebody' } }, bench.signal)
  return name
}

function namesOf(bench: InstancesBench): string[] {
  return bench.engine.sandboxes.map(({ name }) => name)
}

describe('F36: a name that is taken', options, () => {
  test('is left to whom it belongs, and another one taken', async () => {
    await using bench = await InstancesBench.open({ permits: 1 })
    const stalled = bench.engine.stall('create')
    const first = bench.launch({ mark: MARK })
    const second = bench.launch({ mark: MARK })
    stalled[Symbol.dispose]()
    const foreign = await squat(bench, second)
    await first.instance
    const instance = await second.instance
    const [ours] = bench.engine.sandboxes.filter(({ name }) => name === `errand-test-${second.plan.id}-2`)
    assert.ok(ours && isOurs(bench.installation, ours))
    assert.equal(ours.labels['dev.errand.attempt'], '2')
    await instance.stop(0)
    assert.ok(namesOf(bench).includes(foreign))
    assert.ok(!namesOf(bench).includes(ours.name))
  })

  test('is not removed either when the call that met it gave no answer', async () => {
    await using bench = await InstancesBench.open()
    bench.engine.failNext('create', lostAnswer)
    const launched = bench.launch({ mark: MARK })
    const failed = assert.rejects(launched.instance, coded('engine_unavailable'))
    await until(() => bench.engine.calls.create === 1)
    const foreign = await squat(bench, launched)
    await advanceUntilSettled(bench.clock, launched.instance)
    await failed
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.deepEqual(namesOf(bench), [foreign])
    assert.equal(launched.lease.releases, 1)
  })
})

describe('F28: an engine that hangs and comes back', options, () => {
  test('may make what it was asked for after it has answered that there is nothing: that is removed', async () => {
    await using bench = await InstancesBench.open()
    const stalled = bench.engine.stall('inspect')
    bench.engine.failNext('create', lostAnswer)
    const { instance, plan, lease } = bench.launch({ mark: MARK })
    const failed = assert.rejects(instance, coded('engine_unavailable'))
    await until(() => bench.engine.calls.inspect === 1)
    await advanceUntilSettled(bench.clock, instance)
    await failed
    await bench.clock.advance(180_000)
    assert.equal(lease.releases, 0)
    stalled[Symbol.dispose]()
    await bench.clock.advance(1000)
    assert.equal(lease.releases, 0)
    await bench.engine.create(
      plan.spec,
      identify(bench.installation, 'test', { kind: 'warm', ...plan }, plan.spec),
      bench.signal,
    )
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.deepEqual([bench.engine.sandboxes.length, lease.releases], [0, 1])
  })

  test('is not asked twice to remove what it has removed without saying so', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = await bench.ready()
    bench.engine.failNext('remove', lostAnswer, { hasEffect: true })
    const gone = instance.stop(0)
    await advanceUntilSettled(bench.clock, gone)
    assert.deepEqual([bench.engine.calls.remove, lease.releases], [1, 1])
  })

  test('costs a start that was not even tried no lease', async () => {
    await using bench = await InstancesBench.open()
    bench.engine.failNext('create', new EngineUnresponsive('fake', 200))
    const { instance, lease } = bench.launch({ mark: MARK })
    await assert.rejects(instance, EngineUnresponsive)
    assert.deepEqual([lease.releases, bench.engine.calls.inspect], [1, 0])
  })
})

describe('a gap in the events', options, () => {
  test('in which an instance ended is closed by inspection, however often that fails at first', async () => {
    await using bench = await InstancesBench.open()
    const { instance, name } = await bench.ready()
    bench.engine.dropEvents()
    await until(() => bench.engine.eventListeners === 0)
    bench.engine.crash(name, 9)
    for (const _look of [1, 2, 3]) bench.engine.failNext('inspect', lostAnswer)
    await advanceUntilSettled(bench.clock, instance.exited)
    assert.equal((await instance.exited).exitCode, 9)
    await instance.stop(0)
  })

  test('ends with the removal of what belongs to no instance, and of nothing else', async () => {
    await using bench = await InstancesBench.open()
    const { instance } = await bench.ready()
    const starting = bench.launch({ mark: MARK, isNeverReady: true })
    await until(() => bench.engine.sandboxes.length === 2)
    const { spec } = starting.plan
    const stray = identify(bench.installation, 'test', { kind: 'warm', id: 'stray', key: KEY, setup: 'as today' }, spec)
    await bench.engine.create(spec, stray, bench.signal)
    await bench.engine.create(spec, { ...stray, name: 'copied-labels' }, bench.signal)
    bench.engine.dropEvents()
    await until(() => bench.engine.eventListeners === 0)
    await bench.clock.advance(200)
    await until(() => !namesOf(bench).includes(stray.name))
    await settle()
    assert.deepEqual(new Set(namesOf(bench)), new Set([...ofBoth(instance.id, starting.plan.id), 'copied-labels']))
    bench.leave()
    await assert.rejects(starting.instance)
  })
})

function ofBoth(...ids: string[]): string[] {
  return ids.map((id) => `errand-test-${id}-1`)
}
