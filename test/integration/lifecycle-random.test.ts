import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { post, startDaemon } from '../support/daemon.ts'
import { puppetRequest } from '../support/puppet.ts'
import { type Asked, live, sequences } from '../support/random-life.ts'
import { Home } from '../support/serve-process.ts'

const IMAGE = 'test/answers'
const SETTINGS = ['cpu=2', 'mem=1000', 'tasks.queueTimeoutMs=500']

/** The node lives on from one sequence to the next, so a failure cannot be shrunk, but repeated with its seed. */
async function assertAll(t: TestContext, node: Asked, numRuns: number, maxLength: number): Promise<void> {
  const seed = Date.now() % 2 ** 31
  t.diagnostic(`seed ${seed}`)
  const property = fc.asyncProperty(sequences(maxLength), (steps) => live(node, steps))
  await fc.assert(property, { seed, numRuns, endOnFailure: true })
}

test('200 random lives under load leave no lease and no instance, on the fake engine', async (t) => {
  const script = {
    mark: 'meca-init-done',
    serve: (_request: unknown, response: { end(text: string): unknown }) => response.end('ok'),
    delaysMs: { create: 2, start: 3, remove: 2 },
  }
  const engine = new FakeEngine({ images: { [IMAGE]: script } })
  await using node = await startDaemon(SETTINGS, { openEngine: async () => engine })
  const asked: Asked = {
    post: (path, body = {}) => post(`${node.url}${path}`, body),
    get: async (path) => (await fetch(`${node.url}${path}`)).json() as Promise<Record<string, unknown>>,
    sandboxes: async () => engine.sandboxes.length,
    request: (mem) => ({ id: IMAGE, resource: { cpu: 0.5, mem }, input: '' }),
  }
  await assertAll(t, asked, 200, 40)
  assert.ok(engine.calls.create > 200, 'instances were made all the while')
})

test('6 random lives under load leave nothing on the real engine', { timeout: 300_000 }, async (t) => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: SETTINGS })
  const request = await puppetRequest({ print: 'x' })
  const asked: Asked = {
    post: (path, body) => node.post(path, body),
    get: (path) => node.get(path),
    sandboxes: async () => (await home.containers()).length,
    request: (mem) => ({ ...request, resource: { cpu: 0.5, mem } }),
  }
  await assertAll(t, asked, 6, 20)
})
