import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { randomId } from '../../src/core/ids.ts'
import { BridgeNetwork } from '../support/bridge-network.ts'
import { ContainedDaemon } from '../support/contained-daemon.ts'
import { ensureDaemonImage } from '../support/daemon-image.ts'

const JSON_BODY = ['--header', 'content-type: application/json', '--data']
/** As the original has it: every key that it knows, and no other. */
const ORIGINAL = `
type: docker
timeout: 1
cpu: 4
mem: 4096
has_gpu: false
microVM_runtime: kata
sgx:
  enable: false
  sgx_device: /dev/sgx_enclave
  aesmd_path: /var/run/aesmd
`
/** What a daemon in a container has to be told beside it. */
const BESIDE = [
  "listen=[{address: '0.0.0.0:2591', faces: [meca], auth: none, control: true}, 'unix:/run/errand/errand.sock']",
  'docker.network=mecanywhere',
  'node=contained',
].flatMap((setting) => ['--set', setting])

describe('the daemon in a container with the Docker socket', { timeout: 600_000 }, () => {
  let image: string
  let task: string
  let shell: string
  before(async () => {
    image = await ensureDaemonImage()
    task = await ensureImage('hello-node')
    shell = await ensureImage('busybox')
  })

  test("on the network mecanywhere it answers every call of the original, port 2591, with the original's file in /app", async () => {
    await using network = await BridgeNetwork.take('mecanywhere')
    await using files = await folderWith({ 'mecanywhere_executor.yaml': ORIGINAL })
    const config = `${files.path}/mecanywhere_executor.yaml:/app/mecanywhere_executor.yaml:ro`
    const place = ['--network', network.name, '--ip', network.address, '--volume', config]
    await using daemon = await ContainedDaemon.run(image, place, BESIDE)
    const curl = (path: string, ...args: string[]): Promise<Record<string, unknown>> =>
      askByCurl(`http://${network.address}:2591${path}`, ...args)
    const execute = (input: string, image = task): Promise<Record<string, unknown>> =>
      curl('/', ...JSON_BODY, JSON.stringify({ id: image, resource: { cpu: 0.5, mem: 128 }, input }))

    assert.deepEqual(await curl('/health'), { status: 'ok' })
    assert.deepEqual(await execute('world'), { success: true, msg: 'Hello, world!' })
    assert.deepEqual(await execute('again'), { success: true, msg: 'Hello, again!' })
    const onSocket = await ensureImage('echo-socket')
    assert.deepEqual(await execute('over the port', onSocket), { success: true, msg: 'over the port' })
    const { task_cpu, task_mem, task_used_mem } = await curl('/stats')
    assert.deepEqual({ task_mem, task_used_mem }, { task_mem: 4096, task_used_mem: (2 * 128 * 100) / 4096 })
    assert.ok(typeof task_cpu === 'number' && task_cpu > 0)

    assert.equal((await curl('/pause', '--request', 'POST')).success, true)
    assert.equal((await execute('while paused')).code, 'paused')
    assert.equal((await curl('/stats')).success, false)
    const grant = JSON.stringify({ timeout: 2, cpu: 1, mem: 1024 })
    assert.equal((await curl('/update-config', ...JSON_BODY, grant)).success, true)
    assert.equal((await curl('/unpause', '--request', 'POST')).success, true)
    assert.equal((await curl('/stats')).task_mem, 1024)
    assert.deepEqual(await execute('after'), { success: true, msg: 'Hello, after!' })

    assert.equal((await curl('/stop', '--request', 'POST')).success, true)
    assert.equal(await daemon.ended(), 0)
    assert.deepEqual(await daemon.siblings(), [])
  })

  test('executions run and outlive it; the next daemon of the same volume takes them up', async () => {
    await using network = await BridgeNetwork.take(`errand-test-${randomId().slice(0, 12)}`)
    await using volume = await namedVolume()
    const options = ['--network', network.name, '--volume', `${volume.name}:/var/lib/errand`]
    const settings = ['--set', `docker.network=${network.name}`, '--set', 'node=contained']
    const submit = (daemon: ContainedDaemon, id: string, cmd: string): Promise<string> =>
      daemon.callV1('POST', '/v1/executions', {
        id,
        task: { image: shell, cmd: ['sh', '-c', cmd], resources: { cpu: 0.1 } },
      })
    {
      await using first = await ContainedDaemon.run(image, options, settings)
      assert.match(await submit(first, 'quick', 'echo out; exit 3'), /"id":"quick"/)
      assert.match(await first.callV1('GET', '/v1/executions/quick/wait?timeout=60s'), /"exitCode":3/)
      await submit(first, 'long', 'trap "exit 5" USR1; echo up; while :; do sleep 0.1; done')
      await first.untilLogged('long', 'up')
      await first.kill()
    }
    await using second = await ContainedDaemon.run(image, options, settings)
    const [container = ''] = await second.siblings()
    await run('docker', ['kill', '--signal', 'USR1', container])
    assert.match(await second.callV1('GET', '/v1/executions/long/wait?timeout=60s'), /"exitCode":5/)
    for (const id of ['quick', 'long']) await second.callV1('DELETE', `/v1/executions/${id}`)
  })

  test('provision scripts are refused where the Engine does not find its folder, and run where it does', async () => {
    await using network = await BridgeNetwork.take(`errand-test-${randomId().slice(0, 12)}`)
    await using volume = await namedVolume()
    await using shared = await folderWith({})
    const provision = [{ name: 'prepare', content: 'echo prepared' }]
    const body = { id: 'provided', task: { image: shell, cmd: ['echo', 'ran'], provision, resources: { cpu: 0.1 } } }
    const settings = ['--set', `docker.network=${network.name}`, '--set', 'node=contained']
    {
      const options = ['--network', network.name, '--volume', `${volume.name}:/var/lib/errand`]
      await using apart = await ContainedDaemon.run(image, options, settings)
      assert.match(apart.log, /does not find stateDir under its path here/)
      assert.match(
        await apart.callV1('POST', '/v1/executions', body),
        /no way to give it provision scripts","code":"unsupported"/,
      )
    }
    const options = ['--network', network.name, '--volume', `${shared.path}:${shared.path}`]
    await using seen = await ContainedDaemon.run(image, options, [...settings, '--state-dir', shared.path])
    await seen.callV1('POST', '/v1/executions', body)
    assert.match(await seen.callV1('GET', '/v1/executions/provided/wait?timeout=60s'), /"status":"succeeded"/)
    const lines = (await seen.callV1('GET', '/v1/executions/provided/logs')).split('\n')
    assert.equal(lines.map((line) => JSON.parse(line).data).join(''), 'prepared\nran\n')
    await seen.callV1('DELETE', '/v1/executions/provided')
  })

  test('executions get folders of the host where it sees the process of the Engine', async () => {
    await using network = await BridgeNetwork.take(`errand-test-${randomId().slice(0, 12)}`)
    await using shared = await folderWith({})
    await using given = await folderWith({ file: 'given' })
    const presets = ['--set', `executions.inputPresets={data: {path: ${given.path}}}`]
    const settings = ['--set', `docker.network=${network.name}`, '--set', 'node=contained', ...presets]
    const body = {
      id: 'given',
      task: { image: shell, cmd: ['cat', '/data/file'], resources: { cpu: 0.1 } },
      inputs: [{ preset: 'data', target: '/data' }],
    }
    const options = ['--network', network.name, '--volume', `${shared.path}:${shared.path}`]
    const place = ['--state-dir', shared.path]
    {
      await using blind = await ContainedDaemon.run(image, options, [...settings, ...place])
      assert.match(await blind.callV1('POST', '/v1/executions', body), /no way to give it inputs out of folders/)
    }
    const sight = ['--pid', 'host', '--cap-add', 'SYS_PTRACE', '--security-opt', 'apparmor=unconfined']
    await using seeing = await ContainedDaemon.run(image, [...options, ...sight], [...settings, ...place])
    await seeing.callV1('POST', '/v1/executions', body)
    assert.match(await seeing.callV1('GET', '/v1/executions/given/wait?timeout=60s'), /"status":"succeeded"/)
    assert.match(await seeing.callV1('GET', '/v1/executions/given/logs'), /"data":"given"/)
    await seeing.callV1('DELETE', '/v1/executions/given')
  })

  test('sockets of tasks are used where it is given the folder of the volumes', async () => {
    await using network = await BridgeNetwork.take(`errand-test-${randomId().slice(0, 12)}`)
    const root = await run('docker', ['info', '--format', '{{.DockerRootDir}}'])
    const options = ['--network', network.name, '--volume', `${root}:${root}:rslave`]
    const settings = ['--set', `docker.network=${network.name}`, '--set', 'node=contained']
    await using daemon = await ContainedDaemon.run(image, options, settings)
    const body = { id: await ensureImage('echo-socket'), resource: { cpu: 0.1, mem: 64 }, input: 'socket' }
    assert.equal(await daemon.callMeca('/', body), JSON.stringify({ success: true, msg: 'socket' }))
    assert.match(/"endpoint":"([^"]*)"/.exec(daemon.log)?.[1] ?? '', /^unix:/)
  })

  test('it refuses to start where it could not reach its tasks, and says what to do', async () => {
    await using network = await BridgeNetwork.take(`errand-test-${randomId().slice(0, 12)}`)
    const elsewhere = await ContainedDaemon.refused(image, [], ['--set', `docker.network=${network.name}`])
    assert.equal(elsewhere.status, 69)
    assert.match(elsewhere.log, new RegExp(`not on the network ${network.name} .*docker run --network ${network.name}`))
    const own = await ContainedDaemon.refused(image, [], ['--set', 'docker.network='])
    assert.equal(own.status, 69)
    assert.match(own.log, /tasks cannot be kept off .* name a network of yours with docker\.network/)
  })
})

async function askByCurl(url: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await run('curl', ['--silent', '--show-error', '--fail', '--max-time', '120', ...args, url]))
}

async function folderWith(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'errand-contained-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

async function namedVolume(): Promise<AsyncDisposable & { readonly name: string }> {
  const name = await run('docker', ['volume', 'create', '--label', 'dev.errand.test=volume'])
  return { name, [Symbol.asyncDispose]: async () => void (await run('docker', ['volume', 'rm', name])) }
}
