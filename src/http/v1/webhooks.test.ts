import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { LastingNode } from '../../daemon/lasting-node.fixture.ts'
import { assertSigned, Receiver } from '../../webhooks/receiver.fixture.ts'
import type { ExecutionView } from '../contract/execution-view.ts'
import { openV1Node, problemIn, type V1Node, viewOf } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }

function allowing({ port }: Receiver): string[] {
  return [`webhooks.allow=["http://127.0.0.1:${port}"]`, 'webhooks.privateAddresses=["127.0.0.1"]']
}

async function openFor(receiver: Receiver): Promise<{ node: V1Node; token: string }> {
  const node = await openV1Node({}, undefined, allowing(receiver))
  return { node, token: await node.token('ada', 'read', 'submit') }
}

/** Its record once its webhook is over with. */
async function told(node: V1Node, token: string, id: string): Promise<ExecutionView> {
  for (;;) {
    const view = viewOf(await node.call(token, `GET /v1/executions/${id}`))
    if (view.webhook?.delivered !== undefined || view.webhook?.failed !== undefined) return view
    await new Promise(setImmediate)
  }
}

describe('a webhook of an execution', options, () => {
  test('tells its end once, signed, with the record as /v1 has it', async () => {
    await using receiver = await Receiver.open()
    const { node, token } = await openFor(receiver)
    await using _node = node
    const webhook = { url: `${receiver.url}?key=s3cret` }
    const submitted = await node.call(token, 'POST /v1/executions', { task: { image: 'hello' }, webhook })
    assert.deepEqual([submitted.status, viewOf(submitted).webhook], [201, { origin: new URL(receiver.url).origin }])
    assert.ok(!submitted.text.includes('s3cret'))
    const view = await told(node, token, viewOf(submitted).id)
    assert.ok(view.webhook?.delivered)
    const [event] = await receiver.first(1)
    assert.ok(event)
    assert.equal(event.url, '/hook?key=s3cret')
    const secretPath = join(node.stateDir, 'webhook-secret')
    assert.equal((await stat(secretPath)).mode & 0o777, 0o600)
    assertSigned(await readFile(secretPath, 'utf8'), event)
    const { type, timestamp, data } = JSON.parse(event.body)
    assert.deepEqual([type, timestamp, data.exitCode], ['execution.failed', view.times.ended, 3])
    const { webhook: _before, ...rest } = view
    const { webhook: _after, ...sent } = data
    assert.deepEqual(sent, rest)
    assert.equal(receiver.received.length, 1)
  })

  test('tells only those ends that were asked for', async () => {
    await using receiver = await Receiver.open()
    const { node, token } = await openFor(receiver)
    await using _node = node
    const submit = async (events: readonly string[]): Promise<string> => {
      const webhook = { url: receiver.url, events }
      return viewOf(await node.call(token, 'POST /v1/executions', { task: { image: 'hello' }, webhook })).id
    }
    const quiet = await submit(['succeeded'])
    assert.equal((await node.call(token, `GET /v1/executions/${quiet}/wait`)).status, 200)
    await told(node, token, await submit(['failed', 'timed_out']))
    assert.equal(receiver.received.length, 1)
    assert.equal(viewOf(await node.call(token, `GET /v1/executions/${quiet}`)).webhook?.delivered, undefined)
  })

  test('is refused where the operator allows none, or another host', async () => {
    await using receiver = await Receiver.open()
    const { node, token } = await openFor(receiver)
    await using _node = node
    const refused = async (url: string): Promise<unknown> => {
      const answer = await node.call(token, 'POST /v1/executions', { task: { image: 'hello' }, webhook: { url } })
      return [answer.status, problemIn(answer).code]
    }
    assert.deepEqual(await refused('http://169.254.169.254/latest/meta-data/'), [403, 'forbidden'])
    assert.deepEqual(await refused('https://example.org/'), [403, 'forbidden'])
    assert.deepEqual(await refused(`http://user:pass@127.0.0.1:${receiver.port}/`), [400, 'validation_failed'])
    assert.deepEqual(await refused('file:///etc/passwd'), [400, 'validation_failed'])
    assert.deepEqual(JSON.parse((await node.call(token, 'GET /v1/executions')).text), { executions: [] })
    assert.equal(receiver.received.length, 0)
  })

  test('of an execution that is kept for no time is told all the same', async () => {
    await using receiver = await Receiver.open((index) => (index === 0 ? 500 : 204))
    const { node, token } = await openFor(receiver)
    await using _node = node
    const body = { task: { image: 'hello' }, retentionMs: 0, webhook: { url: receiver.url } }
    const { id } = viewOf(await node.call(token, 'POST /v1/executions', body))
    const events = await receiver.first(2)
    assert.equal(new Set(events.map(({ headers }) => headers['webhook-id'])).size, 1)
    while ((await node.call(token, `GET /v1/executions/${id}`)).status !== 404) await new Promise(setImmediate)
  })
})

describe('webhooks of a node that was away', options, () => {
  test('go on where they were, as the same, and none that was taken is sent again', async () => {
    await using receiver = await Receiver.open((index) => (index < 2 ? 503 : 204))
    await using lasting = await LastingNode.make({ quick: { run: async () => 0 } })
    const submit = { engineSpec: { type: 'docker', params: { image: 'quick' } }, webhook: { url: receiver.url } }
    {
      await using daemon = await lasting.open(...allowing(receiver))
      await daemon.executions.submit({ ...submit, executionId: 'told' })
      await receiver.first(1)
    }
    {
      await using daemon = await lasting.open(...allowing(receiver))
      await receiver.first(3)
      while ((await daemon.executions.getInfo('told')).webhook === undefined) await new Promise(setImmediate)
    }
    {
      await using daemon = await lasting.open(...allowing(receiver))
      await daemon.executions.submit({ ...submit, executionId: 'other' })
      await receiver.first(4)
    }
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    assert.deepEqual([new Set(ids.slice(0, 3)).size, new Set(ids).size, ids.length], [1, 2, 4])
  })

  test('are given up where the operator does not allow them any more', async () => {
    await using receiver = await Receiver.open(() => 503)
    await using lasting = await LastingNode.make({ quick: { run: async () => 0 } })
    const request = { engineSpec: { type: 'docker', params: { image: 'quick' } }, webhook: { url: receiver.url } }
    {
      await using daemon = await lasting.open(...allowing(receiver))
      await daemon.executions.submit({ ...request, executionId: 'one' })
      await receiver.first(1)
    }
    const before = receiver.received.length
    await using daemon = await lasting.open()
    while ((await daemon.executions.getInfo('one')).webhook === undefined) await new Promise(setImmediate)
    const { webhook } = await daemon.executions.getInfo('one')
    assert.ok(webhook !== undefined && 'reason' in webhook)
    assert.equal(receiver.received.length, before)
  })
})
