import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { MIB } from '../../src/core/resources.ts'
import { SqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import type { ExecutionRecord } from '../../src/service/executor.ts'
import { MortalNode } from '../support/mortal-node.ts'

const options = { timeout: 120_000 }

/** As if this host had been started anew since they began. */
async function reboot(node: MortalNode): Promise<void> {
  await using journal = await SqliteJournal.open<ExecutionRecord>(join(node.home.stateDir, 'journal.db'))
  const { records } = await journal.page('test', { limit: 10 })
  assert.equal(records.length, 2)
  for (const record of records)
    await journal.save({ ...record, host: { ...record.host, bootId: 'of an earlier start' } })
}

test('F32: an execution is lost with the start of its host, or run again where it may be', options, async () => {
  const image = await ensureImage('busybox')
  await using node = await MortalNode.make()
  await node.start()
  const resources = { cpu: 0.1, memory: 16 * MIB }
  const sleeps = { image, cmd: ['/bin/sh', '-c', 'sleep 300'], resources }
  const { id: once } = await node.client.submit({ task: sleeps }, 'once')
  const short = { image, cmd: ['/bin/sh', '-c', 'sleep 5'], resources }
  const { id: again } = await node.client.submit({ task: short, idempotent: true }, 'again')
  for (const id of [once, again]) await node.client.until(id, 'running')
  await node.kill()
  await reboot(node)
  await node.start()
  const lost = await node.client.wait(once)
  assert.deepEqual([lost.status, lost.reason, lost.exitCode], ['lost', 'host_reboot', -1])
  const { status, attempt } = await node.client.wait(again)
  assert.deepEqual([status, attempt], ['succeeded', 2])
  await node.served.assertInvariants()
})
