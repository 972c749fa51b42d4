import assert from 'node:assert/strict'
import { cp, realpath, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { assertExecutions } from '../support/execution-invariants.ts'
import { MortalNode } from '../support/mortal-node.ts'
import type { Home } from '../support/serve-process.ts'
import { FailingDisk, SmallDisk } from '../support/small-disk.ts'
import { smallExecution } from '../support/small-executions.ts'

/** An image that is missing is built first. */
const options = { timeout: 120_000 }

const DISK_MIB = 72
/** So little is asked to be free that the node takes work until it is full. One runs, and one waits. */
const SETTINGS = ['executions.minFreeBytes=1MiB', 'mem=24', 'images.minFreeBytes=0']

/** To a disk that can be written. */
async function move({ folder, stateDir }: Home): Promise<void> {
  const copy = join(folder, 'copy')
  await cp(await realpath(stateDir), copy, { recursive: true, filter: (path) => !path.endsWith('lost+found') })
  await rm(stateDir)
  await rename(copy, stateDir)
}

describe('F18: a daemon killed on a full disk', options, () => {
  let image = ''

  before(async () => {
    image = await ensureImage('busybox')
  })

  test('is started again: what ran ends as it ends, and what waited waits, and runs', async () => {
    await using disk = await SmallDisk.mount(DISK_MIB)
    await using node = await MortalNode.make(SETTINGS)
    await symlink(disk.path, node.home.stateDir)
    const runs = smallExecution('runs', image, { seconds: 2, exitCode: 7 })
    const waits = smallExecution('waits', image, { exitCode: 3 })
    await node.start()
    await node.client.submit(runs.body, 'runs')
    await node.client.until('runs', 'running')
    await node.client.submit(waits.body, 'waits')
    await node.client.until('waits', 'queued')
    await disk.fill()
    await node.kill()
    await node.start()
    await assert.rejects(node.client.submit(smallExecution('new', image).body, 'new'), { code: 'storage_full' })
    const ended = await node.ask((client) => client.wait('runs'))
    assert.deepEqual([ended.status, ended.exitCode], ['failed', 7])
    await disk.free()
    const late = await node.ask((client) => client.wait('waits'))
    assert.deepEqual([late.status, late.exitCode], ['failed', 3])
    const meant = new Map([runs, waits].map((each) => [each.id, each.meant]))
    await assertExecutions(node, meant)
  })
})

describe('F21: a daemon whose state disk turns read-only', options, () => {
  let image = ''

  before(async () => {
    image = await ensureImage('busybox')
  })

  test('refuses what is new and tells what it knows; a start says what is the matter, and goes on elsewhere', async () => {
    await using disk = await FailingDisk.mount(96)
    await using node = await MortalNode.make(SETTINGS)
    await symlink(disk.path, node.home.stateDir)
    const past = smallExecution('past', image, { exitCode: 7 })
    await node.start()
    await node.client.submit(past.body, 'past')
    await node.client.wait('past')
    await disk.fail()
    await assert.rejects(node.client.submit(smallExecution('new', image).body, 'new'), { code: 'storage_error' })
    assert.equal((await node.client.get('past')).exitCode, 7)
    assert.equal(await node.client.log('past'), past.meant.log)
    assert.deepEqual(await node.served.get('/health'), { status: 'ok' })
    await node.kill()
    const refused = node.spawn()
    assert.deepEqual(await refused.ended, { code: 74, signal: null })
    assert.match(refused.log.text, /the state folder \S+ cannot be used: .*read-only/i)
    await move(node.home)
    await node.start()
    assert.equal((await node.client.get('past')).exitCode, 7)
  })
})
