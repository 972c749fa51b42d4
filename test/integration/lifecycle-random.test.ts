import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { ErrandClient } from '../../src/client/client.ts'
import { MIB } from '../../src/core/resources.ts'
import { eventually } from '../support/containers.ts'
import { type MecaAnswer, post, startDaemon } from '../support/daemon.ts'
import { FakeDocker } from '../support/fake-docker.ts'
import { httpCall } from '../support/http-call.ts'
import { puppetRequest } from '../support/puppet.ts'
import { type Asked, live, sequences } from '../support/random-life.ts'
import { scale } from '../support/scale.ts'
import { Home } from '../support/serve-process.ts'

const IMAGE = 'test/answers'
const SETTINGS = ['cpu=2', 'mem=1000', 'tasks.queueTimeoutMs=500']
const LIVES = scale(120, 1000)
const SCRIPT = {
  mark: 'meca-init-done',
  serve: (_request: unknown, response: { end(text: string): unknown }) => response.end('ok'),
  delaysMs: { create: 2, start: 3, remove: 2 },
}

/** The node lives on from one sequence to the next, so a failure cannot be shrunk, but repeated with its seed. */
async function assertAll(t: TestContext, node: Asked, numRuns: number, maxLength: number): Promise<void> {
  const seed = Date.now() % 2 ** 31
  t.diagnostic(`seed ${seed}`)
  const rest = await node.holds()
  const property = fc.asyncProperty(sequences(maxLength), (steps) => live(node, steps, rest))
  await fc.assert(property, { seed, numRuns, endOnFailure: true })
}

/** A node on the fake engine that serves both interfaces, and its client. */
async function openBoth() {
  await using held = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'errand-lives-'))
  held.defer(() => rm(folder, { recursive: true }))
  const socket = `unix:${join(folder, 'v1.sock')}`
  const engine = new FakeDocker({ images: { [IMAGE]: SCRIPT, forever: {}, ends: { exit: { code: 3 } } } })
  const deps = { openEngine: async () => engine }
  const node = held.use(await startDaemon(SETTINGS, deps, ['127.0.0.1:0', socket]))
  const client = held.use(new ErrandClient({ url: socket, patienceMs: 0 }))
  const call = async (method: 'POST' | 'PATCH', path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { 'content-type': 'application/json' }
    return JSON.parse((await httpCall(socket, { method, path, headers, body: JSON.stringify(body) })).text)
  }
  const kept = held.move()
  return { engine, node, client, call, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

test(`F14: ${LIVES} random lives under load leave no lease and no instance, and executions run on through them`, {
  timeout: 3_600_000,
}, async (t) => {
  await using both = await openBoth()
  const { engine, node, client, call } = both
  const forever = { task: { image: 'forever', resources: { cpu: 0.5, memory: 64 * MIB } } }
  const { id } = await client.executions.submit(forever)
  await eventually(async () => (await client.executions.get(id)).status === 'running')
  const [running] = engine.sandboxes
  let isMeca = true
  const asked: Asked = {
    // In turn by the one interface and the other, which have the same state.
    async post(path, body = {}) {
      isMeca = !isMeca
      if (isMeca || (path !== '/pause' && path !== '/unpause')) return post(`${node.url}${path}`, body)
      const { code } = await call('POST', `/v1/node${path}`, {})
      return { success: code === undefined, msg: '', ...(typeof code === 'string' && { code }) } satisfies MecaAnswer
    },
    change: (grant) => call('PATCH', '/v1/node/config', grant),
    holds: async () => [engine.sandboxes.map(({ name }) => name), node.daemon.node.stats().leased],
    request: (mem) => ({ id: IMAGE, resource: { cpu: 0.5, mem }, input: '' }),
  }
  await assertAll(t, asked, LIVES, 40)
  // About one each: many lives are paused, or have too small a grant, when they ask.
  assert.ok(engine.calls.create > LIVES / 4, `${engine.calls.create} instances were made`)
  assert.deepEqual(engine.sandboxes, [running])
  assert.equal((await client.executions.get(id)).status, 'running')
  await client.executions.cancel(id, { graceMs: 0 })
  await client.executions.wait(id)
})

test('F14: a grant below what is in use ends nothing; new work waits until it fits again', async () => {
  await using both = await openBoth()
  const { engine, node, client, call } = both
  const executionOf = (image: string, cpu: number) => ({ task: { image, resources: { cpu, memory: 64 * MIB } } })
  const running = await client.executions.submit(executionOf('forever', 1))
  await eventually(async () => (await client.executions.get(running.id)).status === 'running')
  assert.equal((await call('PATCH', '/v1/node/config', { cpu: 1 })).cpu, 1)
  const waiting = await client.executions.submit(executionOf('ends', 0.5))
  assert.equal((await call('PATCH', '/v1/node/config', { cpu: 0.5, memory: 64 * MIB, keepAliveMs: 50 })).cpu, 0.5)
  const refused = await post(node.url, { id: IMAGE, resource: { cpu: 0.5, mem: 16 }, input: '' })
  assert.equal(refused.code, 'resources_exhausted', 'it would fit, were nothing else there')
  assert.deepEqual(node.daemon.node.stats().leased, { cpuMillis: 1000, memoryBytes: 64 * MIB, gpus: 0 })
  const states = [running, waiting].map(async ({ id }) => (await client.executions.get(id)).status)
  assert.deepEqual([await Promise.all(states), engine.sandboxes.length], [['running', 'queued'], 1])

  await call('PATCH', '/v1/node/config', { cpu: 2, memory: 1000 * MIB })
  assert.equal((await client.executions.wait(waiting.id)).exitCode, 3)
  // The keep-alive of the change counts after a pause, too.
  await call('POST', '/v1/node/pause', {})
  await call('POST', '/v1/node/unpause', {})
  const answer = await post(node.url, { id: IMAGE, resource: { cpu: 0.5, mem: 16 }, input: '' })
  assert.ok(answer.success, answer.msg)
  await eventually(() => engine.sandboxes.length === 1)
  await client.executions.cancel(running.id, { graceMs: 0 })
  await client.executions.wait(running.id)
  await eventually(() => node.daemon.node.stats().leased.cpuMillis === 0)
})

test('F14: 6 random lives under load leave nothing on the real engine', { timeout: 300_000 }, async (t) => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: SETTINGS })
  const request = await puppetRequest({ print: 'x' })
  const asked: Asked = {
    post: (path, body) => node.post(path, body),
    holds: async () => {
      const { task_used_cpu: cpu, task_used_mem: memory, task_used_gpu: gpus } = await node.get('/stats')
      return [await home.containers(), cpu, memory, gpus]
    },
    request: (mem) => ({ ...request, resource: { cpu: 0.5, mem } }),
  }
  await assertAll(t, asked, 6, 20)
})
