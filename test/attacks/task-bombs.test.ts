import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { answerOf, attack, attackRequest, attackUnguarded, ensureAttack, inUnguarded } from '../support/attack.ts'
import { docker } from '../support/engine-host.ts'
import { besideNeighbour } from '../support/neighbour.ts'
import { scale } from '../support/scale.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'
import { memoryOf } from '../support/watched-daemon.ts'

/** An image that is missing is built first. */
const options = { timeout: 600_000 }
const SMALL = { cpu: 0.5, mem: 64 }
const MOST_PROCESSES = 256
const MOST_FILES = 4096
/** What the log of one instance may take on disk: two files of 10 MB, and their companions. */
const MOST_LOG_BYTES = 24 * MIB
/** Garbage that is not collected yet; far less than what was printed. */
const MOST_GROWTH_BYTES = 100 * MIB
const FLOOD_MIB = scale(200, 1024)

describe('beside a quiet neighbour', options, () => {
  let home: Home
  let node: ServeProcess
  before(async () => {
    home = await Home.make()
    node = await home.serve()
  })
  afterEach(() => node.assertInvariants())
  after(async () => {
    await using _home = home
    await node[Symbol.asyncDispose]()
  })

  test('A37: a fork bomb is stopped by its own limit of processes', async (t) => {
    const order = { order: 'fork', most: 300 } as const
    const outcome = await besideNeighbour(node, t, () => attack(node, order))
    const { times, code } = outcome as { times: number; code: string }
    t.diagnostic(`${times} processes`)
    assert.ok(times < MOST_PROCESSES, `${times} processes`)
    assert.equal(code, 'EAGAIN')
    assert.equal(await attack(node, { order: 'nothing' }), 'here')
    assert.deepEqual(await attackUnguarded(order), { times: 300, code: 'ENOUGH' }, 'control')
  })

  test('A37: a memory bomb ends its own instance, and the answer names the limit', async (t) => {
    const order = { order: 'takeMemory', mebibytes: 200 } as const
    const { success, code, msg, details } = await besideNeighbour(node, t, async () =>
      node.execute(await attackRequest(order)),
    )
    assert.deepEqual([success, code], [false, 'task_exited'])
    assert.match(msg, /out of memory: its limit is 64 MiB/)
    assert.deepEqual([details?.oomKilled, details?.memoryLimitBytes], [true, 64 * MIB])
    assert.equal(await attack(node, { order: 'nothing' }), 'here', 'another instance has taken its place')
    assert.deepEqual(await attackUnguarded(order), { times: 200, code: 'ENOUGH' }, 'control')
  })

  test('A39: a bomb of open files is stopped by its own limit', async (t) => {
    const order = { order: 'openFiles', most: 5000 } as const
    const outcome = await besideNeighbour(node, t, () => attack(node, order))
    const { times, code } = outcome as { times: number; code: string }
    assert.ok(times < MOST_FILES, `${times} files`)
    assert.equal(code, 'EMFILE')
    assert.deepEqual(await attackUnguarded(order), { times: 5000, code: 'ENOUGH' }, 'control')
  })

  test('F46: a flood of output takes neither disk nor memory of the daemon', async (t) => {
    const mem = 65
    const print = (mebibytes: number) => attack(node, { order: 'print', mebibytes }, mem)
    await print(0)
    const [flooder = ''] = await containersWith(home, mem)
    const rssBefore = await rssOf(node.pid)
    assert.equal(await besideNeighbour(node, t, () => print(FLOOD_MIB)), 'printed')
    const growth = (await rssOf(node.pid)) - rssBefore
    const logged = await logBytes(flooder)
    t.diagnostic(`${FLOOD_MIB} MiB printed: ${inMib(logged)} MiB on disk, the daemon grew by ${inMib(growth)} MiB`)
    assert.ok(logged <= MOST_LOG_BYTES, `${logged} bytes of log`)
    assert.ok(growth <= MOST_GROWTH_BYTES, `${growth} bytes more`)
  })

  test('F46: nor does one that comes before the task is ready, when the daemon reads it', async (t) => {
    const image = await ensureAttack([`ENV PRINT_FIRST_MIB=${FLOOD_MIB}`])
    const rssBefore = await rssOf(node.pid)
    const answer = await besideNeighbour(node, t, () =>
      node.execute({ id: image, resource: SMALL, input: JSON.stringify({ order: 'nothing' }) }),
    )
    assert.equal(answerOf(answer), 'here')
    const growth = (await rssOf(node.pid)) - rssBefore
    t.diagnostic(`the daemon grew by ${inMib(growth)} MiB`)
    assert.ok(growth <= MOST_GROWTH_BYTES, `${growth} bytes more`)
  })
})

test('F46 (control): as the Engine keeps logs by itself, the whole flood is on the disk', options, async () => {
  const image = await ensureAttack(['ENV PRINT_FIRST_MIB=64'])
  const logged = await inUnguarded(image, logBytes)
  assert.ok(logged > 64 * MIB, `${logged} bytes of log`)
})

/** Containers of an installation whose memory is limited to so many MiB. */
async function containersWith(home: Home, mebibytes: number): Promise<string[]> {
  const found: string[] = []
  for (const name of await home.containers()) {
    const [memory] = await docker('inspect', '--format', '{{.HostConfig.Memory}}', name)
    if (memory === String(mebibytes * MIB)) found.push(name)
  }
  return found
}

/** What the Engine has on disk of a container beside its root file system: above all its log. */
async function logBytes(container: string): Promise<number> {
  const [id = ''] = await docker('inspect', '--format', '{{.Id}}', container)
  const [root = ''] = await docker('info', '--format', '{{.DockerRootDir}}')
  const folder = join(root, 'containers', id)
  const files = await readdir(folder, { recursive: true })
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).blocks * 512))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function rssOf(pid: number): Promise<number> {
  return (await memoryOf(pid)).nowBytes
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}
