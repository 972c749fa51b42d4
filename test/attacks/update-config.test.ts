import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { ask } from '../../src/http/wire-kit.fixture.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'

// `POST /update-config` changes numbers, a toggle and the name of a runtime, which must be one that the operator gave the engine.

/** Keys of the configuration file that lead somewhere: to a program, a path, a registry, a door. */
const REACHING = {
  sgx: { enable: true, sgx_device: '/dev/mem', aesmd_path: '/etc' },
  docker: { host: 'unix:///tmp/evil.sock', network: 'host', registryConfig: '/etc/shadow' },
  images: { allow: ['**'], privateRegistries: ['evil.example'] },
  isolation: { runtimes: { evil: { allowUnenforced: true } } },
  listen: ['0.0.0.0:1'],
  auth: { tokensFile: '/tmp/tokens.json' },
  allowedHosts: ['evil.example'],
  stateDir: '/tmp/evil',
  runDir: '/tmp/evil',
  tasks: { hostAccess: 'allow', network: 'host' },
  executions: { profile: 'standard', presets: ['root-init'] },
  resources: { cpuOvercommit: 100, hostCheck: 'none' },
  runtimes: { evil: { path: '/bin/sh' } },
  runtime_path: '/bin/sh',
  log: { level: 'debug' },
}
const TOLD = ['timeout', 'cpu', 'mem', 'has_gpu', 'microVM_runtime']

test('A18: a reconfiguration changes five values, and nothing that leads anywhere', { timeout: 60_000 }, async () => {
  const engine = new FakeEngine({
    images: { hello: { mark: 'meca-init-done', serve: (_request, response) => response.end('hello') } },
  })
  await using node = await startFaultDaemon({ fake: engine })
  const port = Number(new URL(node.url).port)
  const configured = async (more: object): Promise<Record<string, unknown>> => {
    await ask(port, { path: '/pause' })
    const { text } = await ask(port, { path: '/update-config', body: JSON.stringify({ cpu: 1, mem: 512, ...more }) })
    await ask(port, { path: '/unpause' })
    return JSON.parse(text)
  }
  const plain = await configured({})
  assert.deepEqual(Object.keys(plain.config ?? {}).toSorted(), TOLD.toSorted())
  for (const [key, value] of Object.entries(REACHING)) {
    assert.deepEqual(await configured({ [key]: value }), plain, key)
    assert.deepEqual(await configured({ [`${key}.${Object.keys(value)[0]}`]: value }), plain, key)
  }
  assert.equal((await ask(port, { path: '/health', method: 'GET', headers: { host: 'evil.example' } })).status, 421)

  for (const runtime of ['/bin/sh', '../../bin/sh', 'evil', 'runc --root /', `${'x'.repeat(10_000)}`, '\u0000', '-v']) {
    await configured({ microVM_runtime: runtime })
    const body = JSON.stringify({ id: 'hello', input: '', runtime: 'microVM' })
    const { code } = JSON.parse((await ask(port, { body })).text)
    assert.equal(code, 'runtime_unavailable', runtime.slice(0, 20))
  }
  assert.equal(engine.calls.create, 0)
})
