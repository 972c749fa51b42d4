import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ErrandClient } from './client.ts'
import { PlayedServer, says } from './played-server.fixture.ts'

const JSON_TYPE = 'application/json'
const RECORD = JSON.stringify({ id: 'a', status: 'queued' })
const KEPT = { 'preference-applied': 'respond-async' }
const LATER = says(429, 'application/problem+json', JSON.stringify({ code: 'queue_full', detail: '', retryAfterMs: 1 }))
const kept = says(202, JSON_TYPE, RECORD, KEPT)

test('only what the node says that it has kept is a record', async () => {
  for (const [status, headers] of [
    [200, {}],
    [202, {}],
    [200, KEPT],
    [202, { ...KEPT, 'errand-instance': 'i' }],
    [204, { 'errand-instance': 'i' }],
    [500, { 'errand-instance': 'i' }],
  ] as const) {
    await using server = await PlayedServer.open(says(status, JSON_TYPE, RECORD, headers))
    await using errand = new ErrandClient({ url: server.url })
    const passedOn = { name: 'ErrandError', code: 'unsupported', details: { status } }
    await assert.rejects(errand.invocations.begin('t', { body: 'x' }), passedOn, `${status}`)
    assert.equal(server.requests.length, 1)
    while (server.sockets.size > 0) await setImmediate()
  }
  await using server = await PlayedServer.open(kept)
  await using errand = new ErrandClient({ url: server.url })
  assert.equal((await errand.invocations.begin('t')).id, 'a')
})

test('a request for later that no answer came to is sent again under its key, and a stream never', async () => {
  await using server = await PlayedServer.open((_request, response) => response.destroy(), LATER, kept, LATER)
  await using errand = new ErrandClient({ url: server.url })
  assert.equal((await errand.invocations.begin('t', { body: 'x' })).id, 'a')
  const keys = server.requests.map(({ headers }) => headers['idempotency-key'])
  assert.equal(keys.length, 3)
  assert.equal(new Set(keys).size, 1)
  const body = Readable.from(['x'])
  await assert.rejects(errand.invocations.begin('t', { body, patienceMs: Infinity }), { code: 'queue_full' })
  assert.equal(server.requests.length, 4)
})

test('an answer that was kept is asked for again until its head is here', async () => {
  const answer = says(200, 'text/plain', 'tea', { 'errand-response-status': '418' })
  await using server = await PlayedServer.open((_request, response) => response.destroy(), LATER, answer)
  await using errand = new ErrandClient({ url: server.url })
  const { status, body } = await errand.invocations.response('a')
  assert.deepEqual([status, await text(body)], [418, 'tea'])
})
