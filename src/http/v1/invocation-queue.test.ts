import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { assertSigned, Receiver } from '../../webhooks/receiver.fixture.ts'
import type { InvocationView } from '../contract/invocation-view.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { ended, Held, INVOKE, invoke, LATER, MIRROR, openWith, read } from './later-node.fixture.ts'
import { problemIn, type V1Node } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }

describe('requests for later', options, () => {
  test('that are sent again with a key are no others, whatever is the matter; other requests conflict', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.queueLimit=1', 'invocations.concurrency=1'])
    await using _node = node
    const key = { 'idempotency-key': 'k' }
    const first = await invoke(node, ada, key)
    await held.request(0)
    await invoke(node, ada)
    const full = await node.call(ada, INVOKE, {}, LATER)
    assert.deepEqual([full.status, problemIn(full).code], [429, 'queue_full'])
    assert.equal((await invoke(node, ada, key)).id, first.id)
    for (const [asked, body] of [
      [INVOKE, { other: 1 }],
      [`${INVOKE}/x`, {}],
    ] as const) {
      const conflict = await node.call(ada, asked, body, { ...LATER, ...key })
      assert.deepEqual([conflict.status, problemIn(conflict).code], [409, 'key_conflict'])
    }
    assert.equal(held.count, 1)
    held.release()
  })

  test('of two that come at once with one key are one', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const both = await Promise.all([1, 2, 3].map(() => invoke(node, ada, { 'idempotency-key': 'k' })))
    assert.equal(new Set(both.map(({ id }) => id)).size, 1)
    assert.equal((await readdir(join(node.stateDir, 'invocations'))).length, 1)
  })

  test('have keys that are each caller’s own', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const eve = await node.token('eve', 'read', 'submit')
    await node.call(eve, 'PUT /v1/tasks/it', { image: 'it' })
    const key = { 'idempotency-key': 'k' }
    const mine = await invoke(node, ada, key)
    const theirs = await invoke(node, eve, key, INVOKE, { other: 1 })
    assert.notEqual(mine.id, theirs.id)
  })

  test('of one caller are so many, and leave room for others; a caller with few goes first', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.concurrency=2', 'invocations.callerQueueLimit=3'])
    await using _node = node
    const eve = await node.token('eve', 'read', 'submit')
    await node.call(eve, 'PUT /v1/tasks/it', { image: 'it' })
    for (let index = 0; index < 5; index += 1) await invoke(node, ada)
    assert.equal((await node.call(ada, INVOKE, {}, LATER)).status, 429)
    const { id } = await invoke(node, eve)
    const first = await held.request(0)
    first.end('done')
    const third = await held.request(2)
    assert.equal(read(await node.call(eve, `GET /v1/invocations/${id}`)).status, 'running')
    third.end('done')
    held.release()
  })

  test('that are too large, or not well said, are refused, and nothing is kept of them', async () => {
    const { node, ada } = await openWith(MIRROR, ['invocations.maxRequestBytes=10'])
    await using _node = node
    for (const [headers, body, status] of [
      [{}, { long: 'more than ten bytes' }, 413],
      [{ 'transfer-encoding': 'chunked' }, { long: 'more than ten bytes' }, 413],
      [{ 'errand-idempotent': 'yes' }, {}, 400],
      [{ 'idempotency-key': 'a b' }, {}, 400],
      [{ 'errand-webhook': 'https://example.org/' }, {}, 403],
      [{ 'errand-webhook': 'nothing' }, {}, 400],
    ] as const) {
      assert.equal(
        (await node.call(ada, INVOKE, body, { ...LATER, ...headers })).status,
        status,
        JSON.stringify(headers),
      )
    }
    assert.deepEqual(await readdir(join(node.stateDir, 'invocations')), [])
  })

  test('tell no webhook unless they are for later: that is refused, and the task is not told of it', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script)
    await using _node = node
    const answer = await node.call(ada, INVOKE, {}, { 'errand-webhook': 'https://hooks.example/s3cret' })
    assert.deepEqual([answer.status, problemIn(answer).code, held.count], [400, 'validation_failed', 0])
    assert.ok(!answer.text.includes('s3cret'))
  })

  test('wait while the node is paused, and are answered when it is not any more', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.concurrency=1'])
    await using _node = node
    const { operator, first, second, task } = await keepBusy(node, ada, held)
    const paused = node.call(operator, 'POST /v1/node/pause')
    while ((await node.call(ada, INVOKE, {}, LATER)).status !== 503) await new Promise(setImmediate)
    task.end('done')
    assert.equal((await paused).status, 200)
    assert.equal((await ended(node, ada, first.id)).status, 'answered')
    assert.equal(read(await node.call(ada, `GET /v1/invocations/${second.id}`)).status, 'queued')
    await node.call(operator, 'POST /v1/node/unpause')
    const next = await held.request(1)
    next.end('done')
    assert.equal((await ended(node, ada, second.id)).status, 'answered')
  })

  test('that wait are kept by a drain, which ends as soon as the answers of those under way are kept', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.concurrency=1'])
    await using _node = node
    const { operator, first, second, task } = await keepBusy(node, ada, held)
    const drain = (timeout: string): Promise<Answer> => node.call(operator, `POST /v1/node/drain?timeout=${timeout}`)
    assert.equal((await drain('10ms')).status, 202)
    const drained = drain('50s')
    task.end('done')
    assert.equal((await drained).status, 200)
    const statusOf = async ({ id }: InvocationView): Promise<string> =>
      read(await node.call(ada, `GET /v1/invocations/${id}`)).status
    assert.deepEqual([await statusOf(first), await statusOf(second)], ['answered', 'queued'])
    await node.call(operator, 'POST /v1/node/unpause')
    held.release()
    assert.equal((await ended(node, ada, second.id)).status, 'answered')
  })

  test('tell their webhook', async () => {
    await using receiver = await Receiver.open((index) => (index === 0 ? 500 : 200))
    const allowed = [`webhooks.allow=["http://127.0.0.1:${receiver.port}"]`, 'webhooks.privateAddresses=["127.0.0.1"]']
    const { node, ada } = await openWith(MIRROR, [...allowed, 'invocations.retentionMs=1'])
    await using _node = node
    const { id } = await invoke(node, ada, { 'errand-webhook': receiver.url })
    const [first, second] = await receiver.first(2)
    assert.ok(first && second)
    assertSigned(await readFile(join(node.stateDir, 'webhook-secret'), 'utf8'), second)
    assert.equal(first.headers['webhook-id'], second.headers['webhook-id'])
    const { type, data } = JSON.parse(second.body)
    assert.deepEqual([type, data.id, data.response.status], ['invocation.answered', id, 418])
    // Kept for a moment only, but not before it was told.
    while ((await readdir(join(node.stateDir, 'invocations'))).length > 0) await new Promise(setImmediate)
  })
})

/** One request is with its task, and another one waits for it. */
async function keepBusy(node: V1Node, ada: string, held: Held) {
  const operator = await node.token('op', 'operate', 'read')
  const first = await invoke(node, ada)
  const second = await invoke(node, ada)
  return { operator, first, second, task: await held.request(0) }
}
