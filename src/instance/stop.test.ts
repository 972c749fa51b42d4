import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { advanceUntilSettled, InstancesBench, MARK, until } from './instances-bench.fixture.ts'

const options = { timeout: 30_000 }
const GRACE_MS = 5000
const lostAnswer = new ErrandError('engine_unavailable', 'no answer', { retryAfterMs: 1000 })

describe('stopping an instance', options, () => {
  test('asks it to end, removes it, and gives its lease back once', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = await bench.ready()
    await instance.stop(GRACE_MS)
    await instance.stop(GRACE_MS)
    const { wasStopped, exitCode } = await instance.exited
    assert.deepEqual([wasStopped, exitCode], [true, 143])
    assert.deepEqual([instance.state, lease.isReturning, lease.releases], ['gone', true, 1])
    assert.deepEqual([bench.engine.sandboxes.length, bench.engine.calls.signal, bench.engine.calls.remove], [0, 1, 1])
    assert.deepEqual(
      bench.intents.map(({ step }) => step),
      ['create', 'start', 'stop', 'remove'],
    )
  })

  test('that does not end by itself removes it when its grace is over', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = await bench.ready({ ignores: ['SIGTERM'] })
    const gone = instance.stop(GRACE_MS)
    await bench.clock.advance(GRACE_MS - 1)
    assert.deepEqual([bench.engine.sandboxes.length, lease.releases], [1, 0])
    await bench.clock.advance(1)
    await gone
    assert.deepEqual([bench.engine.sandboxes.length, lease.releases], [0, 1])
  })

  test('again can only shorten its grace', async () => {
    await using bench = await InstancesBench.open()
    const { instance } = await bench.ready({ ignores: ['SIGTERM'] })
    void instance.stop(1000)
    void instance.stop(60_000)
    await bench.clock.advance(1000)
    await instance.gone
    const second = await bench.ready({ ignores: ['SIGTERM'] })
    void second.instance.stop(60_000)
    await bench.clock.advance(10)
    await second.instance.stop(0)
  })

  test('whose removal fails is tried again until the engine has done it, and holds the lease until then', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = await bench.ready()
    for (const _try of [1, 2, 3]) bench.engine.failNext('remove', lostAnswer)
    const gone = instance.stop(GRACE_MS)
    await until(() => bench.engine.calls.remove === 1)
    assert.equal(lease.releases, 0)
    await advanceUntilSettled(bench.clock, gone)
    assert.equal(bench.engine.calls.remove, 4)
    assert.equal(lease.releases, 1)
  })

  test('whose signal has no answer is asked again, within its grace', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = await bench.ready()
    bench.engine.failNext('signal', lostAnswer)
    const stopped = instance.stop(GRACE_MS)
    await advanceUntilSettled(bench.clock, stopped)
    assert.equal((await instance.exited).exitCode, 143)
    assert.deepEqual([bench.engine.sandboxes.length, lease.releases], [0, 1])
  })

  test('is left to the next start when the process lets go of it', async () => {
    const bench = await InstancesBench.open()
    const { instance } = await bench.ready({ ignores: ['SIGTERM'] })
    void instance.stop(GRACE_MS)
    await settle()
    await bench.instances[Symbol.asyncDispose]()
    assert.equal(bench.engine.sandboxes.length, 1)
    await bench[Symbol.asyncDispose]()
  })
})

describe('the end of an instance', options, () => {
  test('by itself is told with its exit code and the end of its log', async () => {
    await using bench = await InstancesBench.open()
    const { instance, name } = await bench.ready()
    bench.engine.print(name, { stream: 'stderr', data: 'cannot go on\n' })
    bench.engine.crash(name, 7)
    const exit = await instance.exited
    assert.deepEqual(exit, { exitCode: 7, isOomKilled: false, wasStopped: false, log: `${MARK}\ncannot go on\n` })
    await instance.stop(0)
  })

  test('by running out of memory is told as such', async () => {
    await using bench = await InstancesBench.open()
    const { instance, name } = await bench.ready()
    bench.engine.crash(name, 137, true)
    assert.equal((await instance.exited).isOomKilled, true)
  })

  test('by a removal behind its back is told without an exit code', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease, name } = await bench.ready()
    const stalled = bench.engine.stall('inspect')
    await bench.engine.vanish(name)
    stalled[Symbol.dispose]()
    const { exitCode, wasStopped } = await instance.exited
    assert.deepEqual([exitCode, wasStopped], [undefined, false])
    await instance.stop(0)
    assert.equal(lease.releases, 1)
  })

  test('while the event stream is broken is told when it is heard again', async () => {
    await using bench = await InstancesBench.open()
    const { instance, name } = await bench.ready()
    bench.engine.dropEvents()
    await until(() => bench.engine.eventListeners === 0)
    bench.engine.crash(name, 9)
    await advanceUntilSettled(bench.clock, instance.exited)
    assert.equal((await instance.exited).exitCode, 9)
    assert.equal(bench.engine.eventListeners, 1)
  })

  test('is not told for an instance that still runs when events are heard again', async () => {
    await using bench = await InstancesBench.open()
    const { instance } = await bench.ready()
    let hasExited = false
    void instance.exited.then(() => {
      hasExited = true
    })
    bench.engine.dropEvents()
    await until(() => bench.engine.eventListeners === 0)
    const inspected = bench.engine.calls.inspect
    await bench.clock.advance(1000)
    await until(() => bench.engine.calls.inspect > inspected)
    await settle()
    assert.deepEqual([hasExited, instance.state], [false, 'ready'])
  })

  test('that could not be looked at is found out at the next chance', async () => {
    await using bench = await InstancesBench.open()
    const { instance, name } = await bench.ready()
    bench.engine.failNext('inspect', lostAnswer)
    bench.engine.crash(name, 4)
    await settle()
    bench.engine.dropEvents()
    await advanceUntilSettled(bench.clock, instance.exited)
    assert.equal((await instance.exited).exitCode, 4)
  })
})
