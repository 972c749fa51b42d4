import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCommand } from '../../src/cli/program.ts'
import { testTerminal } from '../../src/cli/test-terminal.fixture.ts'
import type { Diagnosis } from '../../src/daemon/doctor/diagnose.ts'
import type { Preflight } from '../../src/daemon/doctor/preflight.ts'
import { StateFolder } from '../../src/service/state-folder.ts'
import { docker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'

describe('errand doctor on the Docker Engine of this machine', () => {
  const images = { runs: '', exits: '', lacksCommand: '', writes: '' }
  let folder = ''

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-doctor-'))
    const { waits, prints, lacksCommand } = await engineImages()
    Object.assign(images, { runs: waits, exits: prints, lacksCommand, writes: await imageThatWrites(waits) })
  })

  after(async () => {
    await rm(folder, { recursive: true })
    await docker('image', 'rm', images.writes)
    assert.deepEqual(await docker('ps', '--all', '--quiet', '--filter', 'label=dev.errand.kind=doctor'), [])
  })

  async function doctor<T>(...args: string[]): Promise<{ status: number; answer: T }> {
    const terminal = testTerminal()
    const line = ['doctor', '--json', '--state-dir', join(folder, 'state'), '--run-dir', folder, ...args]
    const status = await runCommand(line, () => Promise.reject(new Error('no daemon is opened')), terminal)
    return { status, answer: terminal.printed.stdout === '' ? ({} as T) : JSON.parse(terminal.printed.stdout) }
  }

  test('it finds the Engine, its parts and its isolations, and changes nothing', async () => {
    const { answer } = await doctor<Diagnosis>()
    const found = new Map(answer.findings.map(({ check, found }) => [check, found]))
    const [version = ''] = await docker('version', '--format', '{{.Server.Version}}')
    assert.ok(found.get('Docker Engine')?.startsWith(version))
    assert.match(found.get('runc') ?? '', /^\d+\.\d+/)
    assert.match(found.get('cgroups') ?? '', /^v[12], driver /)
    assert.match(found.get('daemon') ?? '', /none/)
    assert.equal(answer.isolations.find(({ isolation }) => isolation === 'container')?.isOffered, true)
    await assert.rejects(rm(join(folder, 'state')), { code: 'ENOENT' })
  })

  test('it sees the daemon that has the state folder, and leaves it its lock', async () => {
    await using _state = await StateFolder.open(join(folder, 'state'))
    const { answer } = await doctor<Diagnosis>()
    const daemon = answer.findings.find(({ check }) => check === 'daemon')
    assert.match(daemon?.found ?? '', new RegExp(`process ${process.pid}.*does not answer`))
  })

  test('without an Engine that is a problem, and the rest is told', async () => {
    const { status, answer } = await doctor<Diagnosis>('--docker-host', `unix://${folder}/none.sock`)
    assert.equal(status, 1)
    assert.equal(answer.findings.find(({ check }) => check === 'Docker Engine')?.level, 'problem')
  })

  test('what would end a start at once is a problem: a port that is taken, a certificate, a network that is not there', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const secure = '{address: "127.0.0.1:0", tls: {cert: /nowhere.pem, key: /nowhere.pem}}'
    const listen = ['--set', `listen=["127.0.0.1:${port}", ${secure}]`]
    const { status, answer } = await doctor<Diagnosis>(...listen, '--set', 'docker.network=errand-nonet')
    holder.close()
    assert.equal(status, 1)
    const found = new Map(answer.findings.map(({ check, level, found }) => [check, `${level}: ${found}`]))
    assert.match(found.get('listen') ?? '', /^problem: cannot listen on .*another process.*; listen: tls: .*ENOENT/)
    assert.match(found.get('network') ?? '', /^problem: the Docker Engine has no network called errand-nonet/)
  })

  test('an image that runs on is fit', async () => {
    const { status, answer } = await doctor<Preflight>('--image', images.runs)
    assert.deepEqual([status, answer.outcome, answer.output], [0, 'runs on', 'ready\n'])
  })

  test('an image whose command is not there, or that exits at once, is not; it is said why', async () => {
    const lacking = await doctor<Preflight>('--image', images.lacksCommand)
    assert.deepEqual([lacking.status, lacking.answer.rule], [1, 'command'])
    const exiting = await doctor<Preflight>('--image', images.exits)
    assert.deepEqual([exiting.status, exiting.answer.rule], [1, 'exit'])
    assert.match(exiting.answer.found, /exit status 7: .*oops/)
  })

  test('an image that writes beside its program needs standard, and is told so', async () => {
    assert.equal((await doctor<Preflight>('--image', images.writes)).answer.outcome, 'ended well')
    const { status, answer } = await doctor<Preflight>('--image', images.writes, '--profile', 'strict')
    assert.deepEqual([status, answer.rule, answer.preset], [1, 'read-only', 'root-init'])
  })

  test('an image that is not here ends with 66', async () => {
    assert.equal((await doctor('--image', 'errand-test/no-such-image:1')).status, 66)
  })
})

/** Made of a container that never runs, so that nothing is built. */
async function imageThatWrites(base: string): Promise<string> {
  const command = JSON.stringify(['/bin/busybox', 'sh', '-c', 'echo x > /file'])
  const [container = ''] = await docker('create', '--label', 'dev.errand.test=doctor', base)
  try {
    const [id = ''] = await docker('commit', '--change', `CMD ${command}`, container)
    return id
  } finally {
    await docker('rm', container)
  }
}
