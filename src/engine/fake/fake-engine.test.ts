import assert from 'node:assert/strict'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { settle } from '../../core/manual-clock.ts'
import { readOutput } from '../conformance-bench.ts'
import type { SandboxIdentity, SandboxRef, SandboxSpec } from '../engine.ts'
import { plainSpec } from '../sandbox-spec.fixture.ts'
import { FakeEngine, type FakeScript, ManualClock } from './fake-engine.ts'

const never = new AbortController().signal
const labels = { owner: 'test' }

async function create(engine: FakeEngine, script: FakeScript, name = 'one'): Promise<SandboxRef> {
  const { id } = engine.addImage(name, script)
  const identity: SandboxIdentity = { name, labels }
  return engine.create(plainSpec(id), identity, never)
}

test('a fake sandbox becomes ready after its delay on the clock, and listens from then on', async () => {
  const clock = new ManualClock()
  await using engine = new FakeEngine({ clock })
  const ref = await create(engine, {
    mark: 'up',
    readyAfterMs: 500,
    listens: 'when ready',
    serve: (request, response) => response.end(request.url),
  })
  const marked = Promise.withResolvers<string>()
  using _attachment = await engine.attach(ref, ({ data }) => marked.resolve(data.toString()), never)
  await engine.start(ref, never)
  const tcp = (await engine.inspect(ref, never))?.tcp
  assert.ok(tcp)
  const fetchText = async (): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    get({ ...tcp, path: '/x', agent: false }, (response) => void text(response).then(resolve, reject)).on(
      'error',
      reject,
    )
    return promise
  }
  await assert.rejects(fetchText(), { code: 'ECONNREFUSED' })
  await clock.advance(500)
  assert.equal(await marked.promise, 'up\n')
  assert.equal(await fetchText(), '/x')
})

test("a fake sandbox can stand for a server of somebody else's", async () => {
  await using engine = new FakeEngine()
  const endpoint = { host: '127.0.0.1', port: 1 }
  const ref = await create(engine, { endpoint })
  assert.equal((await engine.inspect(ref, never))?.tcp, undefined)
  await engine.start(ref, never)
  assert.deepEqual((await engine.inspect(ref, never))?.tcp, endpoint)
})

test('a fake sandbox that is never ready prints no mark', async () => {
  const clock = new ManualClock()
  await using engine = new FakeEngine({ clock })
  const ref = await create(engine, { output: ['booting\n'], mark: 'up', isNeverReady: true })
  await engine.start(ref, never)
  await clock.advance(1_000_000)
  const chunks = await readOutput(engine.output(ref, {}, never))
  assert.equal(Buffer.concat(chunks.map(({ data }) => data)).toString(), 'booting\n')
})

test('a fake sandbox exits by itself on the clock, or crashes when told', async () => {
  const clock = new ManualClock()
  await using engine = new FakeEngine({ clock })
  const first = await create(engine, { exit: { code: 3, afterMs: 100 } })
  await engine.start(first, never)
  await clock.advance(99)
  assert.equal((await engine.inspect(first, never))?.state, 'running')
  await clock.advance(1)
  assert.deepEqual((await engine.inspect(first, never))?.exit, { exitCode: 3, isOomKilled: false })

  const second = await create(engine, {}, 'two')
  await engine.start(second, never)
  engine.crash('two', 137, true)
  assert.deepEqual((await engine.inspect(second, never))?.exit, { exitCode: 137, isOomKilled: true })
})

test('a fake sandbox that ignores SIGTERM ends by SIGKILL alone', async () => {
  await using engine = new FakeEngine()
  const ref = await create(engine, { ignores: ['SIGTERM'] })
  await engine.start(ref, never)
  await engine.signal(ref, 'SIGTERM', never)
  assert.equal((await engine.inspect(ref, never))?.state, 'running')
  await engine.signal(ref, 'SIGKILL', never)
  assert.equal((await engine.inspect(ref, never))?.state, 'exited')
})

test('a call takes effect after its scripted delay, and never when aborted before', async () => {
  const clock = new ManualClock()
  await using engine = new FakeEngine({ clock })
  const ref = await create(engine, { delaysMs: { start: 200 } })
  const controller = new AbortController()
  const aborted = engine.start(ref, controller.signal)
  controller.abort(new Error('given up'))
  await assert.rejects(aborted, { message: 'given up' })

  const started = engine.start(ref, never)
  await clock.advance(200)
  await started
  assert.equal((await engine.inspect(ref, never))?.state, 'running')
  assert.equal(clock.pendingTimers, 0)
})

test('a scripted failure is thrown by the step it is for', async () => {
  await using engine = new FakeEngine()
  const failure = new ErrandError('engine_unavailable', 'no answer', { retryAfterMs: 1000 })
  const ref = await create(engine, { failures: { start: failure, remove: failure } })
  await assert.rejects(engine.start(ref, never), failure)
  await assert.rejects(engine.remove(ref, never), failure)
  assert.equal(engine.sandboxes.length, 1)
})

test('one planned failure hits one call, before its effect or after it', async () => {
  await using engine = new FakeEngine({ images: { image: {} } })
  const image = await engine.images.find(
    { kind: 'name', repository: 'image', tag: undefined, digest: undefined },
    never,
  )
  assert.ok(image)
  const lost = new ErrandError('engine_unavailable', 'the answer is lost')
  engine.failNext('create', lost)
  await assert.rejects(engine.create(plainSpec(image.id), { name: 'one', labels }, never), lost)
  assert.equal(engine.sandboxes.length, 0)
  engine.failNext('create', lost, { hasEffect: true })
  await assert.rejects(engine.create(plainSpec(image.id), { name: 'one', labels }, never), lost)
  assert.equal(engine.sandboxes.length, 1)
  await engine.create(plainSpec(image.id), { name: 'one', labels }, never)
  assert.equal(engine.calls.create, 3)
})

test('a stalled call answers once released', async () => {
  await using engine = new FakeEngine()
  const stall = engine.stall('probe')
  let isAnswered = false
  const pending = engine.probe(never).then(() => {
    isAnswered = true
  })
  await stall.reached
  await settle()
  assert.equal(isAnswered, false)
  stall[Symbol.dispose]()
  await pending
})

test('a vanished sandbox is gone for every call, and the event says so', async () => {
  await using engine = new FakeEngine()
  const ref = await create(engine, {})
  await engine.start(ref, never)
  const events = engine.events('owner', 'test', never)[Symbol.asyncIterator]()
  assert.deepEqual((await events.next()).value, { kind: 'listening' })
  await engine.vanish('one')
  assert.deepEqual((await events.next()).value, { kind: 'signalled', id: ref.id, signal: 9 })
  assert.deepEqual((await events.next()).value, { kind: 'exited', id: ref.id, exitCode: 137 })
  assert.deepEqual((await events.next()).value, { kind: 'removed', id: ref.id })
  assert.equal(await engine.inspect(ref, never), undefined)
  await events.return?.(undefined)
  assert.equal(engine.eventListeners, 0)
})

test('a dropped event stream rejects with engine_unavailable', async () => {
  await using engine = new FakeEngine()
  const events = engine.events('owner', 'test', never)[Symbol.asyncIterator]()
  await events.next()
  engine.dropEvents()
  await assert.rejects(events.next(), { code: 'engine_unavailable' })
})

test('an image of the registry is on the host once pulled', async () => {
  await using engine = new FakeEngine()
  const reference = { kind: 'name', repository: 'far', tag: 'v1', digest: undefined } as const
  const image = engine.addRemoteImage('far:v1', {})
  assert.equal(await engine.images.find(reference, never), undefined)
  const pulled = await engine.images.pull(reference, { onProgress() {} }, never)
  assert.deepEqual(pulled, { ...image, tags: ['docker.io/library/far:v1'] })
  assert.deepEqual(await engine.images.find(reference, never), pulled)
  await assert.rejects(engine.images.pull({ ...reference, tag: 'v2' }, { onProgress() {} }, never), {
    code: 'image_not_found',
  })
})

test('a fake sandbox is dialled where its spec lets it be: on the network, or on the socket that it is given', async () => {
  await using engine = new FakeEngine()
  const [unix, tcp] = [{ unixPath: '/nowhere/task.sock' }, { host: '127.0.0.1', port: 1 }]
  const endpointsOf = async (name: string, script: FakeScript, changes: Partial<SandboxSpec>): Promise<unknown> => {
    const { id } = engine.addImage(name, script)
    const ref = await engine.create(plainSpec(id, changes), { name, labels }, never)
    await engine.start(ref, never)
    const view = await engine.inspect(ref, never)
    return [view?.tcp, view?.unix]
  }
  assert.deepEqual(await endpointsOf('a', { endpoint: unix }, { hasSocket: true }), [undefined, unix])
  assert.deepEqual(await endpointsOf('b', { endpoint: unix }, { hasSocket: false }), [undefined, undefined])
  assert.deepEqual(await endpointsOf('c', { endpoint: tcp }, {}), [tcp, undefined])
  assert.deepEqual(await endpointsOf('d', { endpoint: tcp }, { network: 'none' }), [undefined, undefined])
  assert.deepEqual(await endpointsOf('e', { serve: () => {} }, { network: 'none' }), [undefined, undefined])
})
