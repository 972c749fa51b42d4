import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { MIB } from '../../src/core/resources.ts'
import type { PortBody } from '../../src/http/contract/task-body.ts'
import { inspectContainer, onlyContainer } from '../support/containers.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'
import { V1Client } from '../support/v1-client.ts'

const SERVE = ['sh', '-c', 'echo up; while true; do echo hello | nc -l -p 80; done']

describe('A35: the ports of an execution on the Docker Engine', { timeout: 300_000 }, () => {
  let folder = ''
  let image = ''
  let node: TestDaemon
  let client: V1Client
  before(async () => {
    image = await ensureImage('busybox')
    folder = await mkdtemp(join(tmpdir(), 'errand-ports-'))
    const socketPath = join(folder, 'v1.sock')
    const settings = ['executions.publishAddresses=[127.0.0.1, 127.0.0.2]']
    node = await startDaemon(settings, {}, ['127.0.0.1:0', `unix:${socketPath}`])
    client = new V1Client(socketPath)
  })
  after(async () => {
    await client[Symbol.asyncDispose]()
    await node[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  /** The ports of the host that lead to it by the Engine's own account, while it runs. */
  async function published(ports: readonly PortBody[], look: (hostPort: number) => Promise<void>): Promise<unknown> {
    const task = { image, cmd: SERVE, resources: { cpu: 0.1, memory: 16 * MIB }, network: 'internal', ports } as const
    const { id } = await client.submit({ task, timeoutMs: 60_000 }, JSON.stringify(ports))
    for await (const _line of client.errand.executions.logs(id, { follow: true })) break
    const [first] = (await client.get(id)).ports
    if (first !== undefined) await look(first.hostPort)
    const { HostConfig } = await inspectContainer(await onlyContainer(node))
    await client.errand.executions.cancel(id, { graceMs: 0 })
    await client.errand.executions.remove(id)
    const { PortBindings, PublishAllPorts } = HostConfig
    assert.equal(PublishAllPorts, false)
    return PortBindings
  }

  test('are those that it asks for, on 127.0.0.1 unless it says otherwise', async () => {
    const bindings = await published([{ port: 80 }], async (hostPort) => {
      assert.equal(await text(connect({ host: '127.0.0.1', port: hostPort })), 'hello\n')
    })
    assert.deepEqual(bindings, { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '0' }] })
    assert.equal(await published([], async () => {}), null, 'none without a word')
  })

  test('are on another address where the operator allows that one', async () => {
    const bindings = await published([{ port: 80, hostIp: '127.0.0.2' }], async (hostPort) => {
      assert.equal(await text(connect({ host: '127.0.0.2', port: hostPort })), 'hello\n')
    })
    assert.deepEqual(bindings, { '80/tcp': [{ HostIp: '127.0.0.2', HostPort: '0' }] })
  })

  test('are refused on any other, before anything is made', async () => {
    for (const hostIp of ['0.0.0.0', '::', '127.0.0.3']) {
      const task = { image, network: 'internal', ports: [{ port: 80, hostIp }] } as const
      await assert.rejects(client.submit({ task }, hostIp), {
        code: 'forbidden',
        details: { hostIp, allowed: ['127.0.0.1', '127.0.0.2'] },
      })
    }
    assert.deepEqual([await client.list(), await node.containers()], [[], []])
  })
})
