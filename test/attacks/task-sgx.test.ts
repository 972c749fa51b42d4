import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { MIB } from '../../src/core/resources.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'
import { ensureTask } from '../support/test-tasks.ts'
import { V1Client } from '../support/v1-client.ts'

// There is no SGX on the machines of these tests. `/dev/null` stands for the device and a socket of the test for aesmd: proven
// is what the task is given and how it is asked, not that an enclave loads or that a quote is right.

/** An image that is missing is built first. */
const options = { timeout: 300_000 }
const DEVICE = '/dev/null'

interface Asked {
  readonly method: string
  readonly url: string
  readonly input: string
}

/** A folder as aesmd has it. */
async function openAesmd(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'errand-aesmd-'))
  const server = createServer((socket) => socket.end('aesmd')).listen(join(path, 'aesm.socket'))
  await once(server, 'listening')
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
      await rm(path, { recursive: true })
    },
  }
}

const enabled = (device: string, aesmd: string): string[] => [
  'sgx.enable=true',
  `sgx.sgx_device=${device}`,
  `sgx.aesmd_path=${aesmd}`,
]

test(
  'an SGX task (device by stand-in) is asked at /ra and /run, and finds device and aesmd where it expects them',
  options,
  async () => {
    await using aesmd = await openAesmd()
    await using node = await startFaultDaemon({ settings: enabled(DEVICE, aesmd.path) })
    const id = await ensureTask('sgx')
    const ask = async (input: string): Promise<Asked> => {
      const { success, msg } = await node.execute({ id, resource: { cpu: 0.5, mem: 64 }, use_sgx: true, input })
      assert.ok(success, msg)
      return JSON.parse(msg)
    }
    const found = {
      devices: ['enclave'],
      // That of /dev/null.
      device: { isCharacterDevice: true, major: 1, minor: 3 },
      folder: ['aesm.socket'],
      aesmd: 'aesmd',
    }
    assert.deepEqual(await ask('SGXRAREQUEST'), { method: 'GET', url: '/ra', input: '', ...found })
    assert.deepEqual(await ask('{"value":"x"}'), { method: 'POST', url: '/run', input: '{"value":"x"}', ...found })
    assert.equal((await node.containers()).length, 1, 'the key that was attested is that of the instance that runs')
  },
)

/** What `look` prints. */
const FOUND = 'character special file 1:3\naesm.socket\n'
const LOOK = ['sh', '-c', 'stat -c "%F %t:%T" /dev/sgx/enclave; ls /var/run/aesmd']

test(
  'an execution and a named task of /v1 get the device (by stand-in) and the folder when they ask',
  options,
  async () => {
    await using aesmd = await openAesmd()
    const folder = await mkdtemp(join(tmpdir(), 'errand-sgx-'))
    const socketPath = join(folder, 'v1.sock')
    await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
    const listen = ['127.0.0.1:0', `unix:${socketPath}`]
    await using _node = await startFaultDaemon({ settings: enabled(DEVICE, aesmd.path), listen })
    await using client = new V1Client(socketPath)
    const task = { image: await ensureImage('busybox'), cmd: LOOK, resources: { cpu: 0.1, memory: 64 * MIB } }
    const { id, sgx } = await client.submit({ task: { ...task, sgx: true } }, 'with')
    assert.deepEqual([sgx, (await client.wait(id)).status, await client.log(id)], [true, 'succeeded', FOUND])
    const without = await client.submit({ task }, 'without')
    assert.deepEqual([without.sgx, (await client.wait(without.id)).status], [false, 'failed'], 'control')

    const server = { image: await ensureTask('sgx'), resources: { cpu: 0.5, memory: 64 * MIB }, readiness: 'mark' }
    await client.errand.tasks.put('enclave', { ...server, sgx: true })
    const answer = await client.errand.invoke('enclave', { method: 'POST', path: '/run' })
    const { device, aesmd: said } = JSON.parse(await text(answer.body))
    assert.deepEqual([device, said], [{ isCharacterDevice: true, major: 1, minor: 3 }, 'aesmd'])
  },
)

test('a task that does not ask for SGX has neither, also where it is offered', options, async () => {
  await using aesmd = await openAesmd()
  await using node = await startFaultDaemon({ settings: enabled(DEVICE, aesmd.path) })
  const body = { id: await ensureTask('sgx'), resource: { cpu: 0.5, mem: 64 }, input: '' }
  const { success, code, msg } = await node.execute(body)
  // The stand-in dies of what it does not find.
  assert.deepEqual([success, code], [false, 'task_exited'], msg)
})

test(
  'SGX is refused as runtime_unavailable where it is not offered, not there, or asked for in a microVM',
  options,
  async () => {
    const id = await ensureTask('sgx')
    const body = { id, resource: { cpu: 0.5, mem: 64 }, use_sgx: true, input: 'SGXRAREQUEST' }
    await using aesmd = await openAesmd()
    for (const [settings, more, reason, warnings] of [
      [[], {}, /sgx\.enable/, 0],
      [enabled('/dev/no-such-enclave', aesmd.path), {}, /\/dev\/no-such-enclave/, 1],
      [enabled('/etc/hostname', aesmd.path), {}, /\/etc\/hostname/, 1],
      [enabled(DEVICE, '/nowhere/aesmd'), {}, /\/nowhere\/aesmd/, 1],
      [[...enabled(DEVICE, aesmd.path), 'microVM_runtime=runc'], { runtime: 'microVM' }, /microVM/, 0],
    ] as const) {
      await using node = await startFaultDaemon({ settings })
      const warned = node.log.lines.filter(({ level, message }) => level === 'warn' && reason.test(message))
      assert.equal(warned.length, warnings, 'the operator is told at the start')
      const { success, code, msg } = await node.execute({ ...body, ...more })
      assert.deepEqual([success, code], [false, 'runtime_unavailable'], msg)
      assert.match(msg, reason)
      assert.deepEqual(await node.containers(), [])
    }
  },
)
