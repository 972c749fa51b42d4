import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { before, describe, test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { LogReader } from '../support/log-reader.ts'
import { type PackedPackage, packedPackage } from '../support/packed-package.ts'
import { Home } from '../support/serve-process.ts'
import { UNIT_FILE, UnitFile } from '../support/unit-file.ts'
import { V1Client } from '../support/v1-client.ts'

/** 0 is safe, 10 is not. Node.js' compiler, the network and the rights on tasks account for what is left. */
const MOST_EXPOSURE = 4
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
const skip = hasSystemd ? false : 'systemd is not installed here'

/** Prints the first message that comes on a unix datagram socket, which Node.js cannot open; perl is part of any Debian. */
const RECEIVE = `
  $| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0) && bind(S, sockaddr_un($ARGV[0])) or die $!;
  print "listening\\n"; recv(S, $message, 4096, 0); print $message`

describe('the systemd unit', { timeout: 300_000 }, () => {
  let unit: UnitFile
  let installed: PackedPackage
  before(async () => {
    unit = await UnitFile.read()
    installed = await packedPackage()
  })

  test('is valid, and leaves little open', { skip }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'errand-unit-'))
    const file = join(folder, 'errand.service')
    const text = await readFile(UNIT_FILE, 'utf8')
    await writeFile(file, text.replace('ExecStart=errand', `ExecStart=${installed.bin}`))
    // It prints what it does not know and ends with 0 all the same.
    const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    const words = verified.stderr.split('\n').filter((line) => line.includes('errand.service'))
    assert.deepEqual([verified.status, words], [0, []])
    const args = ['security', '--offline=true', `--threshold=${MOST_EXPOSURE * 10}`, '--no-pager', file]
    assert.match(await run('systemd-analyze', args), /Overall exposure level for errand\.service: [0-3]\.\d/)
    await rm(folder, { recursive: true })
  })

  test('ends the daemon alone, gives it the time that it takes, and does not try again what cannot work', () => {
    assert.equal(unit.get('KillMode'), 'process')
    assert.ok(Number.parseInt(unit.get('TimeoutStopSec'), 10) > 30)
    assert.equal(unit.get('Restart'), 'on-failure')
    assert.deepEqual(unit.get('RestartPreventExitStatus').split(' '), ['64', '75', '77', '78'])
  })

  test('is imitated below: nothing of the system can be written, homes are hidden, rights are few', async () => {
    await using home = await Home.make()
    const look = `
      for folder in /usr /etc /var/lib /run ${home.folder}; do
        (: > $folder/errand-written) 2>/dev/null && rm $folder/errand-written && echo writable: $folder
      done
      ls -A /root /home /tmp
      grep -E '^(NoNewPrivs|CapEff)' /proc/self/status`
    const [program = '', ...args] = unit.sandbox([], [home.folder])
    const printed = await run(program, [...args, 'sh', '-c', look])
    // CAP_DAC_OVERRIDE is bit 1, NET_ADMIN 12, NET_RAW 13, SYS_PTRACE 19.
    const rights = (2 ** 1 + 2 ** 12 + 2 ** 13 + 2 ** 19).toString(16).padStart(16, '0')
    const expected = `
      writable: ${home.folder}
      /home:
      /root:
      /tmp:
      ${home.folder.replace('/tmp/', '')}
      CapEff:\t${rights}
      NoNewPrivs:\t1`
    assert.equal(printed.replace(/\n+/g, '\n'), expected.trim().replace(/\n +/g, '\n'))
  })

  test('lets the daemon do its work: warm tasks by socket and port behind its firewall, executions with their bill', async () => {
    const [byPort, bySocket, shell] = await Promise.all([
      ensureImage('hello-node'),
      ensureImage('echo-socket'),
      ensureImage('busybox'),
    ])
    await using home = await Home.make()
    await using given = await givenFolder()
    const socketPath = join(home.runDir, 'errand.sock')
    await using node = await home.serve({
      under: unit.sandbox([installed.folder, dirname(process.execPath)], [home.folder]),
      launcher: installed.bin,
      environment: { ERRAND_NODE: process.execPath },
      listen: ['127.0.0.1:0', `unix:${socketPath}`],
      settings: [`executions.inputPresets={data: {path: ${given.path}}}`],
    })
    const execute = (id: string, input: string): Promise<unknown> =>
      node.execute({ id, resource: { cpu: 0.1, mem: 64 }, input })
    assert.deepEqual(await execute(byPort, 'unit'), { success: true, msg: 'Hello, unit!' })
    assert.deepEqual(await execute(bySocket, 'unit'), { success: true, msg: 'unit' })
    const { endpoint } = await node.log.entry('cold start', { image: bySocket })
    assert.match(String(endpoint), /^unix:/)

    const client = new V1Client(socketPath)
    const provision = [{ name: 'prepare', content: 'echo prepared' }]
    const cmd = ['sh', '-c', 'cat /data/file; echo result > /tmp/result']
    // Hidden from the daemon by its own /tmp, and the Engine's to mount all the same.
    const inputs = [{ preset: 'data', target: '/data' }]
    const task = { image: shell, cmd, provision, resources: { cpu: 0.1 } }
    const { id } = await client.submit({ task, inputs, outputs: [{ path: '/tmp/result' }] }, 'unit')
    const ended = await client.wait(id)
    assert.equal(ended.status, 'succeeded', JSON.stringify(ended))
    assert.ok((ended.resources.used?.cpuSeconds ?? 0) > 0)
    assert.equal(ended.outputs.length, 1)
    assert.equal(await client.log(id), 'prepared\ngiven\n')
  })

  test('is told by systemd-notify that the node serves, not before', { skip }, async () => {
    await using home = await Home.make()
    const socket = join(home.folder, 'notify')
    const receiver = spawn('perl', ['-MSocket', '-e', RECEIVE, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    using _receiver = { [Symbol.dispose]: () => void receiver.kill() }
    const received = new LogReader(receiver.stdout)
    await received.mention('listening')
    const under = unit.sandbox([installed.folder, dirname(process.execPath)], [home.folder])
    const environment = { ERRAND_NODE: process.execPath, NOTIFY_SOCKET: socket }
    await using node = await home.serve({ under, launcher: installed.bin, environment })
    await received.mention('READY=1')
    assert.ok((await node.addresses()).length > 0)
    await once(receiver, 'close')
  })
})

/** A folder of the host that an operator lets executions have. */
async function givenFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'errand-given-'))
  await writeFile(join(path, 'file'), 'given\n')
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
