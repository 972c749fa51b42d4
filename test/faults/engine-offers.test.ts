import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { randomId } from '../../src/core/ids.ts'
import { dockerCensus } from '../support/census.ts'
import { post } from '../support/daemon.ts'
import { openDocker } from '../support/engine-host.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { assertGone } from '../support/invariants.ts'
import { PrivateEngine } from '../support/private-engine.ts'

const options = { timeout: 120_000 }
const image = await ensureImage('hello-node')
const runc = await run('which', ['runc'])
const ordinary = { id: image, resource: { cpu: 0.1, mem: 64 }, input: 'you' }
const isolated = { ...ordinary, runtime: 'microVM' }

async function assertRefused(node: FaultDaemon, body: object, code: string, text: RegExp): Promise<void> {
  const before = await node.containers()
  const answer = await node.execute(body)
  assert.equal(answer.code, code)
  assert.match(answer.msg, text)
  await node.assertInvariants()
  assert.deepEqual(await node.containers(), before)
}

async function assertAnswered(node: FaultDaemon, body: object): Promise<void> {
  const { success, msg } = await node.execute(body)
  assert.ok(success, msg)
}

/** The OCI runtime of each container of the node. */
async function runtimesOf(engine: PrivateEngine, node: FaultDaemon): Promise<string[]> {
  const names = await node.containers()
  return Promise.all(names.map((name) => engine.docker('inspect', '--format', '{{.HostConfig.Runtime}}', name)))
}

describe('F38: a runtime', options, () => {
  let folder: string
  let engine: PrivateEngine
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-runtime-'))
    await copyFile(runc, join(folder, 'runc'))
    engine = await PrivateEngine.start({ images: [image], runtimes: { extra: { path: join(folder, 'runc') } } })
  })
  after(async () => {
    await engine[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  async function open(runtime: string): Promise<FaultDaemon> {
    const settings = [engine.setting, `microVM_runtime=${runtime}`]
    return startFaultDaemon({ settings, engineSocket: engine.socketPath })
  }

  test('that is not installed is refused as runtime_unavailable, and nothing else used instead', async () => {
    await using node = await open('nowhere')
    await assertRefused(node, isolated, 'runtime_unavailable', /no runtime called nowhere/)
    await assertAnswered(node, ordinary)
  })

  test('that goes away while the daemon runs is refused from then on, and nothing else used instead', async () => {
    await using node = await open('extra')
    await assertAnswered(node, isolated)
    assert.deepEqual(await runtimesOf(engine, node), ['extra'])
    await post(`${node.url}/pause`, {})
    await post(`${node.url}/unpause`, {})
    await engine.setRuntimes({})
    await assertRefused(node, isolated, 'runtime_unavailable', /extra/)
    await assertAnswered(node, ordinary)
    assert.deepEqual(await runtimesOf(engine, node), ['runc'])
    await engine.setRuntimes({ extra: { path: join(folder, 'runc') } })
    await assertAnswered(node, isolated)
  })

  test('whose program is gone is refused, and nothing else used instead', async () => {
    await using node = await open('extra')
    await rm(join(folder, 'runc'))
    try {
      await assertRefused(node, isolated, 'runtime_unavailable', /runc/)
    } finally {
      await copyFile(runc, join(folder, 'runc'))
    }
    await assertAnswered(node, isolated)
  })
})

describe('F37: an engine that has run out of addresses', options, () => {
  let engine: PrivateEngine
  before(async () => {
    engine = await PrivateEngine.start({ images: [image], mostNetworks: 1 })
  })
  after(async () => engine[Symbol.asyncDispose]())

  test('for networks keeps a daemon from starting, which says so and leaves nothing', async () => {
    await engine.docker('network', 'create', 'the-only-one')
    const installation = randomId()
    await assert.rejects(openDocker({ socketPath: engine.socketPath, installation }), {
      code: 'network_unavailable',
      message: /address pool/,
    })
    await assertGone(installation, dockerCensus(engine.socketPath))
    await engine.docker('network', 'rm', 'the-only-one')
  })

  test('for tasks refuses a start as network_unavailable, which works again once one is free', async () => {
    await engine.docker('network', 'create', '--subnet', '10.252.7.0/30', 'tiny')
    {
      await using node = await startFaultDaemon({
        settings: [engine.setting, 'docker.network=tiny'],
        engineSocket: engine.socketPath,
      })
      await assertAnswered(node, ordinary)
      const second = { ...ordinary, resource: { cpu: 0.1, mem: 65 } }
      await assertRefused(node, second, 'network_unavailable', /no available IPv4 addresses/)
      await post(`${node.url}/pause`, {})
      await post(`${node.url}/unpause`, {})
      await assertAnswered(node, second)
    }
    await engine.docker('network', 'rm', 'tiny')
  })
})
