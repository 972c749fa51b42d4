import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import type { SandboxView } from '../engine/engine.ts'
import { FakeEngine, type FakeScript } from '../engine/fake/fake-engine.ts'
import { identify, isOurs } from './identity.ts'
import { advanceUntilSettled, coded, InstancesBench, MARK, START_TIMEOUT_MS, until } from './instances-bench.fixture.ts'

const options = { timeout: 30_000 }
const lostAnswer = new ErrandError('engine_unavailable', 'no answer', { retryAfterMs: 1000 })

/** What a failed start must leave: nothing. */
async function assertNothingLeft(bench: InstancesBench): Promise<void> {
  await bench.instances.idle()
  assert.deepEqual(bench.engine.sandboxes, [])
}

describe('a start', options, () => {
  test('ends with an instance that serves, under our name and labels', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = await bench.ready()
    const [view] = bench.engine.sandboxes
    assert.ok(view)
    assert.equal(instance.state, 'ready')
    assert.deepEqual(instance.endpoint, view.tcp)
    assert.ok(isOurs(bench.installation, view))
    assert.deepEqual([lease.isReturning, lease.releases], [false, 0])
    assert.deepEqual(
      bench.intents.map(({ step }) => step),
      ['create', 'start'],
    )
  })

  test('waits for the mark, on stdout alone', async () => {
    await using bench = await InstancesBench.open()
    const output = [{ stream: 'stderr', data: MARK } as const, MARK.slice(0, 4)]
    const { instance, plan } = bench.launch({ output, isNeverReady: true })
    await until(() => bench.engine.sandboxes[0]?.state === 'running')
    bench.engine.print(`errand-test-${plan.id}-1`, `${MARK.slice(4)}\n`)
    assert.equal((await instance).state, 'ready')
  })

  test('that takes longer than it may fails with not_ready and the log so far', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = bench.launch({ output: ['still at it\n'], isNeverReady: true })
    await until(() => bench.engine.sandboxes[0]?.state === 'running')
    const failed = assert.rejects(instance, { code: 'not_ready', details: { log: 'still at it\n' } })
    await bench.clock.advance(START_TIMEOUT_MS)
    await failed
    assert.equal(lease.releases, 1)
    await assertNothingLeft(bench)
  })

  test('of a task without a network ends with an instance on its socket', async () => {
    await using bench = await InstancesBench.open()
    const endpoint = { unixPath: '/nowhere/task.sock' }
    const { instance } = bench.launch({ endpoint }, { kind: 'connect' }, { network: 'none', hasSocket: true })
    assert.deepEqual((await instance).endpoint, endpoint)
    assert.equal(bench.engine.sandboxes[0]?.net, undefined)
  })

  test('of a task without a network that opens no socket fails with not_ready, which says where it may serve', async () => {
    await using bench = await InstancesBench.open()
    const serve: FakeScript['serve'] = (_request, response) => response.end('on its port')
    const changes = { network: 'none', hasSocket: true } as const
    const { instance, lease } = bench.launch({ serve, output: ['on 8080\n'] }, { kind: 'connect' }, changes)
    const message = /without a network.* ERRAND_SOCKET/
    const failed = assert.rejects(instance, { code: 'not_ready', message, details: { log: 'on 8080\n' } })
    await advanceUntilSettled(bench.clock, instance)
    await failed
    assert.equal(lease.releases, 1)
    await assertNothingLeft(bench)
  })

  for (const afterMs of [undefined, 50]) {
    const when = afterMs === undefined ? 'before the engine has said that it started' : 'while it gets ready'
    test(`of a task that exits ${when} fails with task_exited, its code and its log`, async () => {
      await using bench = await InstancesBench.open()
      const exit = { code: 3, ...(afterMs === undefined ? {} : { afterMs }) }
      const { instance, lease } = bench.launch({ output: ['no luck\n'], isNeverReady: true, exit })
      const details = { exitCode: 3, oomKilled: false, log: 'no luck\n' }
      const failed = assert.rejects(instance, { code: 'task_exited', details })
      await advanceUntilSettled(bench.clock, instance)
      await failed
      assert.equal(lease.releases, 1)
      await assertNothingLeft(bench)
    })
  }

  for (const prefix of [['/bin/sh', 'run'], undefined]) {
    const which = prefix === undefined ? 'that has no scripts is the end of the task' : 'fails with its name and code'
    test(`whose provision script, by its output, has failed ${which}`, async () => {
      await using bench = await InstancesBench.open()
      const told = 'errand: provision script "seed" exited with 41\n'
      const output = [{ stream: 'stderr', data: told } as const, 'late words\n']
      const script = { output, isNeverReady: true, exit: { code: 41 } }
      const changes = { process: prefix === undefined ? {} : { prefix } }
      const { instance } = bench.launch(script, { kind: 'connect' }, changes)
      const error = await instance.then(
        () => assert.fail(),
        (thrown: ErrandError) => thrown,
      )
      assert.equal(error.code, 'task_exited')
      const failed = { reason: 'provision_failed', script: 'seed' }
      const common = { exitCode: 41, oomKilled: false, log: `${told}late words\n` }
      assert.deepEqual(error.details, prefix === undefined ? common : { ...common, ...failed })
      assert.equal(error.message.startsWith('the provision script seed exited with 41'), prefix !== undefined)
    })
  }

  test('whose provision script runs out of memory says both', async () => {
    await using bench = await InstancesBench.open()
    const output = [{ stream: 'stderr', data: 'errand: provision script "seed" exited with 137\n' } as const]
    const script = { output, isNeverReady: true, exit: { code: 137, isOomKilled: true } }
    const { instance } = bench.launch(script, { kind: 'connect' }, { process: { prefix: ['/bin/sh', 'run'] } })
    await assert.rejects(instance, (error: ErrandError) =>
      /^the provision script seed exited with 137 \(out of memory: its limit is \d+ MiB\)$/.test(error.message),
    )
  })

  test('of a task that runs out of memory says so', async () => {
    await using bench = await InstancesBench.open()
    const { instance } = bench.launch({ isNeverReady: true, exit: { code: 137, isOomKilled: true } })
    await assert.rejects(instance, (error: ErrandError) => error.message.includes('out of memory'))
  })

  test('whose command cannot be executed fails with command_not_found', async () => {
    await using bench = await InstancesBench.open()
    const output = ['fake: no such command\n']
    const { instance } = bench.launch({ output, isNeverReady: true, exit: { code: 127 } })
    await assert.rejects(instance, coded('command_not_found'))
    await assertNothingLeft(bench)
  })

  test('of a sandbox that is removed behind its back fails with task_gone', async () => {
    await using bench = await InstancesBench.open()
    const { instance, plan, lease } = bench.launch({ isNeverReady: true })
    await until(() => bench.engine.calls.inspect === 1)
    await settle()
    const stalled = bench.engine.stall('inspect')
    await bench.engine.vanish(`errand-test-${plan.id}-1`)
    stalled[Symbol.dispose]()
    await assert.rejects(instance, coded('task_gone'))
    assert.equal(lease.releases, 1)
  })

  test('is refused when the engine set other limits than asked for', async () => {
    class LaxEngine extends FakeEngine {
      override async inspect(...args: Parameters<FakeEngine['inspect']>): Promise<SandboxView | undefined> {
        const view = await super.inspect(...args)
        return view === undefined ? undefined : { ...view, limits: { ...view.limits, memoryBytes: 0 } }
      }
    }
    await using bench = await InstancesBench.open({ engine: (clock) => new LaxEngine({ clock }) })
    const { instance, lease } = bench.launch({ mark: MARK })
    await assert.rejects(instance, coded('runtime_unavailable'))
    assert.equal(lease.releases, 1)
    await assertNothingLeft(bench)
  })
})

describe('a start whose engine gives no answer', options, () => {
  for (const method of ['create', 'attach', 'start', 'inspect'] as const) {
    test(`to ${method}, although it did as it was told, leaves nothing behind`, async () => {
      await using bench = await InstancesBench.open()
      bench.engine.failNext(method, lostAnswer, { hasEffect: true })
      const { instance, lease } = bench.launch({ mark: MARK })
      await assert.rejects(instance, coded('engine_unavailable'))
      assert.equal(lease.releases, 1)
      await assertNothingLeft(bench)
    })
  }

  test('to create removes what appears only later, and holds its lease until then', async () => {
    await using bench = await InstancesBench.open()
    const stalled = bench.engine.stall('create')
    const { instance, plan, lease } = bench.launch({ mark: MARK })
    const failed = assert.rejects(instance, coded('engine_unavailable'))
    await until(() => bench.engine.calls.create === 1)
    await advanceUntilSettled(bench.clock, instance)
    await failed
    assert.equal(lease.releases, 0)
    stalled[Symbol.dispose]()
    await bench.engine.create(
      plan.spec,
      identify(bench.installation, 'test', { kind: 'warm', ...plan }, plan.spec),
      bench.signal,
    )
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.equal(lease.releases, 1)
    await assertNothingLeft(bench)
  })

  test('to create, and of which nothing appears, gives its lease back in the end', async () => {
    await using bench = await InstancesBench.open()
    bench.engine.failNext('create', lostAnswer)
    const { instance, lease } = bench.launch({ mark: MARK })
    const failed = assert.rejects(instance, coded('engine_unavailable'))
    await advanceUntilSettled(bench.clock, instance)
    await failed
    assert.equal(lease.releases, 0)
    await advanceUntilSettled(bench.clock, bench.instances.idle())
    assert.equal(lease.releases, 1)
  })
})

describe('starts side by side', options, () => {
  test('are never more in the engine than there are permits', async () => {
    await using bench = await InstancesBench.open({ permits: 2 })
    const stalled = bench.engine.stall('create')
    const launched = [1, 2, 3, 4, 5].map(() => bench.launch({ mark: MARK }))
    await until(() => bench.engine.calls.create === 2)
    await bench.clock.advance(100)
    assert.equal(bench.engine.calls.create, 2)
    stalled[Symbol.dispose]()
    await Promise.all(launched.map(({ instance }) => instance))
    assert.equal(bench.engine.sandboxes.length, 5)
  })

  test('do not wait for one that takes long to get ready', async () => {
    await using bench = await InstancesBench.open({ permits: 1 })
    const slow = bench.launch({ mark: MARK, readyAfterMs: 1000 })
    await bench.ready()
    await advanceUntilSettled(bench.clock, slow.instance)
    assert.equal((await slow.instance).state, 'ready')
  })

  test('give their permit back when they fail', async () => {
    await using bench = await InstancesBench.open({ permits: 1 })
    bench.engine.failNext('create', new ErrandError('image_invalid', 'broken'))
    await assert.rejects(bench.launch({}).instance, coded('image_invalid'))
    await bench.ready()
  })

  test('that are called off while they wait ask the engine nothing', async () => {
    await using bench = await InstancesBench.open({ permits: 1 })
    const stalled = bench.engine.stall('create')
    const first = bench.launch({ mark: MARK })
    const second = bench.launch({ mark: MARK })
    const ended = Promise.all([
      assert.rejects(first.instance, coded('cancelled')),
      assert.rejects(second.instance, coded('cancelled')),
    ])
    await until(() => bench.engine.calls.create === 1)
    bench.leave()
    stalled[Symbol.dispose]()
    await advanceUntilSettled(bench.clock, ended)
    await ended
    assert.equal(bench.engine.calls.create, 1)
    assert.equal(second.lease.releases, 1)
  })
})
