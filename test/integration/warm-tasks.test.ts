import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { startDaemon } from '../support/daemon.ts'

test('a task answers cold, then warm from the same instance', async () => {
  await using node = await startDaemon()
  const id = await ensureImage('hello-node')
  assert.deepEqual(await node.execute({ id, input: 'world' }), { success: true, msg: 'Hello, world!' })
  const [container] = await node.containers()
  assert.deepEqual(await node.execute({ id, input: 'again' }), { success: true, msg: 'Hello, again!' })
  assert.deepEqual(await node.containers(), [container])
})
