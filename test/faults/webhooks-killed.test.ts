import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { assertSigned, Receiver } from '../../src/webhooks/receiver.fixture.ts'
import { MortalNode } from '../support/mortal-node.ts'
import { smallExecution } from '../support/small-executions.ts'

/** An image that is missing is built first. */
const options = { timeout: 300_000 }

describe('F7: a webhook of a daemon that is killed', options, () => {
  let image = ''

  before(async () => {
    image = await ensureImage('busybox')
  })

  for (const fault of ['after:journal.save.ended', undefined]) {
    const when = fault === undefined ? 'between two tries' : 'between the end and the first try'
    test(`${when} is sent by the next one, as the same, and not again once it was taken`, async () => {
      let isUp = false
      await using receiver = await Receiver.open(() => (isUp ? 204 : 503))
      const settings = [
        `webhooks.allow=["http://127.0.0.1:${receiver.port}"]`,
        'webhooks.privateAddresses=["127.0.0.1"]',
      ]
      await using node = await MortalNode.make(settings)
      if (fault === undefined) await node.start()
      else await node.startWithFault(fault)
      const asked = { ...smallExecution('told', image).body, webhook: { url: receiver.url } }
      const { id } = await node.client.submit(asked, 'told')
      if (fault === undefined) {
        await receiver.first(1)
        await node.kill()
      } else await node.died()
      isUp = true
      await node.start()
      let view = await node.client.wait(id)
      while (view.webhook?.delivered === undefined) view = await node.client.get(id)
      const seen = receiver.received.length
      assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1)
      const last = receiver.received.at(-1)
      assert.ok(last)
      assertSigned(await readFile(join(node.home.stateDir, 'webhook-secret'), 'utf8'), last)
      // What was taken is told no more by the next daemon, which tells what comes after it.
      await node.kill()
      await node.start()
      const next = await node.client.submit({ ...smallExecution('next', image).body, webhook: asked.webhook }, 'next')
      const after = await receiver.first(seen + 1)
      assert.equal(JSON.parse(after.at(-1)?.body ?? '').data.id, next.id)
      assert.equal(receiver.received.length, seen + 1)
    })
  }
})
