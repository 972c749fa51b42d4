import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConformanceBench } from '../../src/engine/conformance-bench.ts'
import { docker, openDocker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'

const images = await engineImages()

/** CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE: bits 0, 1, 3, 5, 6, 7 and 10. */
const SEVEN_CAPABILITIES = '00000000000004eb'

test('a task runs with seven capabilities, the default seccomp filter and no way to new privileges', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const task = await bench.startReady(images.waits)
  const status = await docker('exec', task.id, '/bin/busybox', 'cat', '/proc/1/status')
  const field = (name: string): string | undefined => status.find((line) => line.startsWith(`${name}:`))?.split('\t')[1]
  assert.equal(field('CapBnd'), SEVEN_CAPABILITIES)
  assert.equal(field('CapEff'), SEVEN_CAPABILITIES)
  assert.equal(field('NoNewPrivs'), '1')
  assert.equal(field('Seccomp'), '2')
})

test('a socket folder is small, gone with its task, and seen by the host while the task runs', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const task = await bench.startReady(images.serves)
  const format = '{{range .Mounts}}{{.Name}}{{end}}'
  const [volume = ''] = await docker('inspect', '--format', format, task.id)
  assert.deepEqual(await docker('volume', 'ls', '--quiet', '--filter', `name=${volume}`), [volume])
  const { runtimes, defaultRuntime } = await engine.probe(bench.signal)
  assert.equal(runtimes.get(defaultRuntime)?.hasUnixSocket, true)
  await engine.remove(task, bench.signal)
  assert.deepEqual(await docker('volume', 'ls', '--quiet', '--filter', `name=${volume}`), [])
})

test('an SGX task has the device and can reach the service in the aesmd folder', async () => {
  const aesmdPath = await mkdtemp(join(tmpdir(), 'errand-aesmd-'))
  await using aesmd = createServer((socket) => socket.end('aesmd')).listen(join(aesmdPath, 'aesm.socket'))
  await once(aesmd, 'listening')
  try {
    await using engine = await openDocker()
    await using bench = new ConformanceBench(engine, images)
    const sgx = { devicePath: '/dev/zero', aesmdPath }
    const spec = { ...(await bench.spec(images.serves)), sgx }
    const task = await engine.create(spec, bench.identity(), bench.signal)
    await engine.start(task, bench.signal)
    const connect = "require('node:net').connect('/var/run/aesmd/aesm.socket').pipe(process.stdout)"
    const answer = await docker('exec', task.id, '/bin/node', '-e', connect)
    const device = "console.log(require('node:fs').statSync('/dev/sgx/enclave').isCharacterDevice())"
    const isDevice = await docker('exec', task.id, '/bin/node', '-e', device)
    await engine.remove(task, bench.signal)
    assert.deepEqual([answer, isDevice], [['aesmd'], ['true']])
  } finally {
    await rm(aesmdPath, { recursive: true, force: true })
  }
})
