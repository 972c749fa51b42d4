import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { settle } from '../../core/manual-clock.ts'
import { FakeBench, never, textOf } from './fake-bench.fixture.ts'

const unavailable = { code: 'engine_unavailable' }

describe('a fake engine that goes away', () => {
  test('answers nothing, calls in course included, until it is back', async () => {
    await using bench = new FakeBench()
    const ref = await bench.create({ delaysMs: { start: 1000 } })
    const starting = bench.engine.start(ref, never)
    await settle()
    const absence = bench.engine.goAway()
    await assert.rejects(starting, unavailable)
    await assert.rejects(bench.engine.inspect(ref, never), unavailable)
    await assert.rejects(bench.engine.images.list(never), unavailable)
    assert.equal(bench.clock.pendingTimers, 0)
    absence[Symbol.dispose]()
    assert.equal((await bench.engine.inspect(ref, never))?.state, 'created')
  })

  test('breaks every stream, and leaves sandboxes running', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ output: ['a\n'], exec: () => new Promise(() => {}) })
    const attachment = await bench.engine.attach(ref, () => {}, never)
    const output = textOf(bench.engine.output(ref, { follow: true }, never))
    const running = bench.engine.exec(ref, { argv: ['x'] }, () => {}, never)
    const events = bench.engine.events('owner', 'test', never)
    await events.next()
    const next = events.next()
    const absence = bench.engine.goAway()
    for (const broken of [output, running, next]) await assert.rejects(broken, unavailable)
    await attachment.ended
    absence[Symbol.dispose]()
    assert.equal((await bench.engine.inspect(ref, never))?.state, 'running')
  })

  test('can take its sandboxes along', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({})
    bench.engine.goAway({ endsSandboxes: true })[Symbol.dispose]()
    assert.deepEqual(await bench.exitOf(ref), { exitCode: 137, isOomKilled: false })
  })
})

describe('a fake sandbox that does not want to end', () => {
  test('ignores every signal but SIGKILL', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ ignores: 'all' })
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) await bench.engine.signal(ref, name, never)
    assert.equal(await bench.exitOf(ref), undefined)
    await bench.engine.signal(ref, 'SIGKILL', never)
    assert.equal((await bench.exitOf(ref))?.exitCode, 137)
  })

  test('holds up SIGKILL and its removal for a while', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ killTakesMs: 5000 })
    await bench.engine.signal(ref, 'SIGKILL', never)
    const removing = bench.engine.remove(ref, never)
    await bench.clock.advance(4999)
    assert.equal((await bench.engine.inspect(ref, never))?.state, 'running')
    await bench.clock.advance(1)
    await removing
    assert.equal(await bench.engine.inspect(ref, never), undefined)
  })

  test('holds up a removal no longer than its caller waits, and no disposal', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ killTakesMs: 5000 })
    const controller = new AbortController()
    const removing = bench.engine.remove(ref, controller.signal)
    await settle()
    controller.abort(new Error('given up'))
    await assert.rejects(removing, { message: 'given up' })
    assert.equal((await bench.engine.inspect(ref, never))?.state, 'running')
  })
})

describe('a fake engine', () => {
  test('refuses what its probe says that it cannot do', async () => {
    const networks = new Set(['none'] as const)
    await using bench = new FakeBench({ probe: { canPause: false, canExec: false, canCollect: false, networks } })
    const ref = await bench.start({ files: { '/a': '' } }, { network: 'none' })
    const unsupported = { code: 'unsupported' }
    await assert.rejects(bench.engine.pause(ref, never), unsupported)
    await assert.rejects(
      bench.engine.exec(ref, { argv: ['x'] }, () => {}, never),
      unsupported,
    )
    await assert.rejects(bench.engine.collect(ref, '/a', never).next(), unsupported)
    await assert.rejects(bench.create({}, { network: 'egress' }, 'two'), { code: 'validation_failed' })
  })

  test('gives ports that are free, each once at a time, and an address', async () => {
    await using bench = new FakeBench()
    const port = (hostPort: number) => ({ protocol: 'tcp', hostIp: '127.0.0.1', hostPort, port: 80 }) as const
    const first = await bench.start({}, { ports: [port(0), port(0), port(5000)] })
    const { net } = (await bench.engine.inspect(first, never)) ?? {}
    assert.ok(net)
    const given = net.ports.map(({ hostPort }) => hostPort)
    assert.equal(new Set([...given, 0]).size, 4)
    assert.equal(given[2], 5000)
    const second = await bench.create({}, { ports: [port(0), port(5000)] }, 'two')
    await assert.rejects(bench.engine.start(second, never), { code: 'network_unavailable' })
    await bench.engine.remove(first, never)
    await bench.engine.start(second, never)
    assert.notEqual((await bench.engine.inspect(second, never))?.net?.ipAddress, net.ipAddress)
    const third = await bench.start({}, { network: 'none' }, 'three')
    assert.equal((await bench.engine.inspect(third, never))?.net, undefined)
  })

  test('a start whose answer is lost has started', async () => {
    await using bench = new FakeBench()
    const ref = await bench.create({})
    bench.engine.failNext('start', new ErrandError('engine_unavailable', 'lost'), { hasEffect: true })
    await assert.rejects(bench.engine.start(ref, never), unavailable)
    assert.equal((await bench.engine.inspect(ref, never))?.state, 'running')
  })
})
