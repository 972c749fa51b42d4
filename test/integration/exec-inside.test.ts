import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { ExecOptions } from '../../src/client/executions.ts'
import { MIB } from '../../src/core/resources.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'
import { V1Client } from '../support/v1-client.ts'

describe('a command inside an execution on the Docker Engine', { timeout: 300_000 }, () => {
  let folder = ''
  let node: TestDaemon
  let client: V1Client
  before(async () => {
    const image = await ensureImage('busybox')
    folder = await mkdtemp(join(tmpdir(), 'errand-exec-'))
    const socketPath = join(folder, 'v1.sock')
    node = await startDaemon([], {}, ['127.0.0.1:0', `unix:${socketPath}`])
    client = new V1Client(socketPath)
    const env = { OWN: 'its own', BOTH: 'its own' }
    const task = { image, cmd: ['sleep', '600'], env, resources: { cpu: 0.5, memory: 64 * MIB } }
    await client.submit({ id: 'it', task }, 'it')
    await client.until('it', 'running')
  })
  after(async () => {
    await client.cancel('it')
    await client.wait('it')
    await client[Symbol.asyncDispose]()
    await node[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  const inside = (script: string, more: ExecOptions = {}) =>
    client.errand.executions.exec('it', ['sh', '-c', script], more)

  test('has its environment and its own variables, in the folder and as the user that it says', async () => {
    const said = { env: { BOTH: 'mine', MINE: 'a b' }, workingDir: '/tmp', user: '1000:1001' }
    const script = 'echo "$OWN|$BOTH|$MINE|$(pwd)|$(id -u):$(id -g)"; echo problem >&2; exit 7'
    assert.deepEqual(await inside(script, said), {
      exitCode: 7,
      stdout: 'its own|mine|a b|/tmp|1000:1001\n',
      stderr: 'problem\n',
      truncated: { stdout: false, stderr: false },
    })
    assert.equal((await inside('echo "$BOTH|$(id -u)"')).stdout, 'its own|0\n', 'without a word it is as the execution')
  })

  test('that prints more than a MiB runs to its end, and the beginning is told, of each stream', async () => {
    const { exitCode, stdout, stderr, truncated } = await inside('yes | head -c 3000000; echo end >&2; exit 3')
    assert.deepEqual([exitCode, stdout.length, stderr], [3, MIB, 'end\n'])
    assert.deepEqual(truncated, { stdout: true, stderr: false })
    assert.equal(stdout, 'y\n'.repeat(MIB / 2))
  })

  test('that takes longer than it may is given up, and the execution runs on', async () => {
    await assert.rejects(inside('sleep 600', { timeoutMs: 200 }), { code: 'deadline_exceeded' })
    assert.equal((await inside('echo still')).stdout, 'still\n')
    assert.equal((await client.get('it')).status, 'running')
  })
})
