import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { MIB } from '../../src/core/resources.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { gvisorRuntime } from '../support/gvisor.ts'
import { PrivateEngine } from '../support/private-engine.ts'
import { V1Client } from '../support/v1-client.ts'

// On this machine gVisor runs without limits, which the operator has to accept.
const ALLOWED = 'isolation.runtimes={runsc: {allowUnenforced: true}}'
const RESOURCES = { cpu: 0.5, memory: 128 * MIB }
const SERVER = `require('node:http').createServer((request, response) =>
  response.end(require('node:fs').readFileSync('/proc/version'))).listen(8080)`

interface Opened extends AsyncDisposable {
  readonly node: FaultDaemon
  readonly client: V1Client
}

describe('isolation: gvisor on the Docker Engine', { timeout: 300_000 }, () => {
  let engine: PrivateEngine
  let folder: string
  let busybox: string
  let server: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-gvisor-'))
    busybox = await ensureImage('busybox')
    server = await ensureImage('hello-node')
    engine = await PrivateEngine.start({ images: [busybox, server], runtimes: { runsc: await gvisorRuntime() } })
  })
  after(async () => {
    await engine[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  async function open(...more: string[]): Promise<Opened> {
    await using held = new AsyncDisposableStack()
    const socketPath = join(folder, 'v1.sock')
    const listen = ['127.0.0.1:0', `unix:${socketPath}`]
    const settings = [engine.setting, ...more]
    const node = held.use(await startFaultDaemon({ settings, listen, engineSocket: engine.socketPath }))
    const client = held.use(new V1Client(socketPath))
    const kept = held.move()
    return { node, client, [Symbol.asyncDispose]: () => kept.disposeAsync() }
  }

  const runtimesOf = (names: readonly string[]): Promise<string[]> =>
    Promise.all(names.map((name) => engine.docker('inspect', '--format', '{{.HostConfig.Runtime}}', name)))

  test('an execution runs on a kernel that is not the host’s, without being told which runtime that is', async () => {
    await using opened = await open(ALLOWED)
    const { client } = opened
    const version = async (isolation: 'gvisor' | 'container'): Promise<string> => {
      const task = { image: busybox, cmd: ['cat', '/proc/version'], resources: RESOURCES, isolation }
      const { id } = await client.submit({ task }, isolation)
      const { status, isolation: told } = await client.wait(id)
      assert.deepEqual([status, told], ['succeeded', isolation])
      return client.log(id)
    }
    assert.match(await version('gvisor'), /^Linux version 4\.4\.0/)
    assert.equal(await version('container'), await readFile('/proc/version', 'utf8'), 'control')
    const { isolations } = await client.errand.node.get()
    const offered = isolations.find(({ isolation }) => isolation === 'gvisor')
    const unenforced = ['cpu', 'memory', 'pids']
    assert.deepEqual(offered, { isolation: 'gvisor', available: true, runtime: 'runsc', unenforced })
  })

  test('an execution under it is entered, stopped and told with its exit code as any other', async () => {
    await using opened = await open(ALLOWED)
    const { node, client } = opened
    const script = "trap 'exit 9' TERM; echo up; while true; do sleep 1; done"
    const task = { image: busybox, cmd: ['sh', '-c', script], resources: RESOURCES, isolation: 'gvisor' } as const
    const { id } = await client.submit({ task }, 'stopped')
    for await (const _line of client.errand.executions.logs(id, { follow: true })) break
    assert.deepEqual(await runtimesOf(await node.containers()), ['runsc'])
    const { stdout } = await client.errand.executions.exec(id, ['cat', '/proc/version'])
    assert.match(stdout, /^Linux version 4\.4\.0/)
    await client.errand.executions.cancel(id, { graceMs: 30_000 })
    const { status, exitCode } = await client.wait(id)
    assert.deepEqual([status, exitCode], ['cancelled', 9])
  })

  test('a named task is served by its port from such a kernel', async () => {
    await using opened = await open(ALLOWED)
    const { node, client } = opened
    const task = { image: server, entrypoint: ['node', '-e', SERVER], resources: RESOURCES }
    await client.errand.tasks.put('version', { ...task, isolation: 'gvisor' })
    const answer = await client.errand.invoke('version')
    assert.match(await text(answer.body), /^Linux version 4\.4\.0/)
    assert.deepEqual(await runtimesOf(await node.containers()), ['runsc'])
  })

  test('A25: is refused where limits do not bind and nobody accepted that; F38: and where there is no such runtime', async () => {
    for (const [settings, reason] of [
      [[], /isolation\.runtimes\.runsc\.allowUnenforced/],
      [[ALLOWED, 'isolation.gvisorRuntime=gvisor'], /no runtime called gvisor/],
      [[ALLOWED, 'isolation.gvisorRuntime='], /isolation\.gvisorRuntime is not set/],
    ] as const) {
      await using opened = await open(...settings)
      const { node, client } = opened
      const task = { image: busybox, resources: RESOURCES, isolation: 'gvisor' } as const
      const refused = { code: 'runtime_unavailable', message: reason }
      await assert.rejects(client.submit({ task }, 'refused'), refused)
      await assert.rejects(client.errand.tasks.put('refused', task), refused)
      assert.deepEqual([await client.list(), await node.containers()], [[], []])
    }
  })
})
