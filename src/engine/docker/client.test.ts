import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { EngineStub, json, type StubRoutes } from '../../../test/support/engine-stub.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { DockerClient, type DockerRequest } from './client.ts'

const never = new AbortController().signal
const INFO: DockerRequest = { operation: 'probe', method: 'GET', path: '/info' }
const FOLLOW: DockerRequest = { operation: 'events', method: 'GET', path: '/events' }
const ATTACH: DockerRequest = { operation: 'attach', method: 'POST', path: '/attach' }

for (const [offered, spoken] of [
  ['1.41', '1.41'],
  ['1.44', '1.44'],
  ['1.99', '1.51'],
]) {
  test(`with an Engine that offers API ${offered} the client speaks ${spoken}`, async () => {
    await using stub = await EngineStub.open({ apiVersion: offered ?? '', routes: { 'GET /info': json({}) } })
    await using client = await DockerClient.open(stub, never)
    await client.look(INFO, never)
    assert.deepEqual(stub.requests, [`GET /v${spoken}/info`])
  })
}

test('an Engine that is too old is refused by name and version', async () => {
  await using stub = await EngineStub.open({ apiVersion: '1.40' })
  await assert.rejects(DockerClient.open(stub, never), { code: 'engine_unavailable', message: /too old.*1\.40.*1\.41/ })
})

test('something that is no Engine is refused', async () => {
  await using stub = await EngineStub.open({ apiVersion: 'nginx' })
  await assert.rejects(DockerClient.open(stub, never), { code: 'engine_unavailable', message: /not a Docker Engine/ })
})

test('without an Engine the caller learns that it is unavailable, and when to try again', async () => {
  const opening = DockerClient.open({ socketPath: '/nonexistent/docker.sock' }, never)
  await assert.rejects(opening, { code: 'engine_unavailable', retryAfterMs: 1000 })
})

test('an Engine that does not answer in time is unavailable', async () => {
  const clock = new ManualClock()
  const routes: StubRoutes = { 'GET /info': () => void clock.advance(10_000) }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open({ socketPath: stub.socketPath, clock }, never)
  await assert.rejects(client.look(INFO, never), { code: 'engine_unavailable', message: /GET \/info within 10 s/ })
  assert.equal(clock.pendingTimers, 0)
})

test('an answer that stops halfway counts as none', async () => {
  const routes: StubRoutes = {
    'GET /info': (_request, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{', () => response.destroy())
    },
  }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open(stub, never)
  await assert.rejects(client.look(INFO, never), { code: 'engine_unavailable' })
})

test('an abort rejects a call with its reason, whatever that is', async () => {
  const controller = new AbortController()
  const routes: StubRoutes = { 'GET /info': () => controller.abort('given up') }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open(stub, never)
  await assert.rejects(client.look(INFO, controller.signal), (reason) => reason === 'given up')
})

test('a refusal carries the words of the Engine, in JSON or not', async () => {
  const routes: StubRoutes = {
    'GET /info': json({ message: 'no such thing' }, 404),
    'GET /events': (_request, response) => response.writeHead(502).end('bad gateway'),
  }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open(stub, never)
  await assert.rejects(client.look(INFO, never), { code: 'not_found', message: 'Docker Engine: no such thing' })
  await assert.rejects(client.stream(FOLLOW, 1000, never), { code: 'internal', message: 'Docker Engine: bad gateway' })
})

test('an accepted status is an answer', async () => {
  await using stub = await EngineStub.open()
  await using client = await DockerClient.open(stub, never)
  assert.equal((await client.look({ ...INFO, accept: [404] }, never)).status, 404)
})

test('followers in any number do not keep a control call waiting', async () => {
  const routes: StubRoutes = {
    'GET /info': json({}),
    'GET /events': (_request, response) => response.writeHead(200).flushHeaders(),
  }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open(stub, never)
  const followers = await Promise.all(Array.from({ length: 100 }, async () => client.stream(FOLLOW, 10_000, never)))
  assert.equal((await client.look(INFO, never)).status, 200)
  for (const follower of followers) follower[Symbol.dispose]()
})

test('a stream that nobody began to read drops its connection when disposed', async () => {
  const closed = Promise.withResolvers<void>()
  const routes: StubRoutes = {
    'GET /events': (request, response) => {
      request.socket.once('close', () => closed.resolve())
      response.writeHead(200).flushHeaders()
    },
  }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open(stub, never)
  const stream = await client.stream(FOLLOW, 10_000, never)
  stream[Symbol.dispose]()
  await closed.promise
})

test('a hijacked connection carries raw bytes, those right behind the headers included', async () => {
  await using stub = await EngineStub.open({
    onUpgrade: (_request, socket) => {
      socket.end('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw')
    },
  })
  await using client = await DockerClient.open(stub, never)
  const socket = await client.hijack(ATTACH, never)
  const [data] = (await once(socket, 'data')) as [Buffer]
  assert.equal(data.toString(), 'raw')
})

test('a hijack that is refused, late or aborted rejects like any call', async () => {
  const clock = new ManualClock()
  const controller = new AbortController()
  const steps = [
    json({ message: 'No such container: x' }, 404),
    () => void clock.advance(10_000),
    () => controller.abort(new Error('given up')),
  ]
  const routes: StubRoutes = { 'POST /attach': (request, response) => steps.shift()?.(request, response) }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open({ socketPath: stub.socketPath, clock }, never)
  await assert.rejects(client.hijack(ATTACH, never), { code: 'not_found' })
  await assert.rejects(client.hijack(ATTACH, never), { code: 'engine_unavailable' })
  await assert.rejects(client.hijack(ATTACH, controller.signal), { message: 'given up' })
})
