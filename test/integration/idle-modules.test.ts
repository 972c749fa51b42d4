import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeServe, serveTask } from '../support/fake-serve.ts'

/** What costs a daemon megabytes as soon as it is loaded. */
const HEAVY = {
  http2: 'node:http2, and with it TLS',
  'internal/deps/undici/undici':
    "Node.js's own undici, which every `import` of node:http loads: see src/util/node-http.ts",
  'undici/index.js': 'all of undici: see src/forward/connections.ts',
  'prom-client/index.js': 'all of prom-client: see src/daemon/metrics/prom.ts',
  'undici/lib/dispatcher/pool.js': "undici's pool, which is for tasks",
}

function heavyAmong(modules: readonly string[]): string[] {
  return Object.keys(HEAVY).filter((heavy) => modules.some((name) => name === heavy || name.endsWith(`/${heavy}`)))
}

test('an idle daemon has loaded nothing that only tasks need, and with the first task not more than that', async () => {
  await using server = await serveTask((_request, response) => response.end('{}'))
  await using daemon = await FakeServe.open({ tasks: { echo: server.port } })
  await daemon.process.get('/stats')
  const { modules } = await daemon.look()
  assert.ok(modules.includes('_http_server') && modules.includes('net'), 'modules are no longer told')
  assert.deepEqual(heavyAmong(modules), [])
  const { success } = await daemon.process.execute({ id: 'echo', resource: { cpu: 0.1, mem: 64 }, input: '' })
  assert.equal(success, true)
  const { modules: used } = await daemon.look()
  assert.deepEqual(heavyAmong(used), ['http2', 'undici/lib/dispatcher/pool.js'])
})
