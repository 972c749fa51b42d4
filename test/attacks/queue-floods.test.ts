import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openV1Node, problemIn, viewOf } from '../../src/http/v1/v1-node.fixture.ts'

const CALLER_LIMIT = 5
const FLOOD = 100
/** All the memory on offer, so that whatever comes after it waits. */
const HOG = { task: { image: 'forever', resources: { memory: '8100MiB' } } }
const SMALL = { task: { image: 'hello', resources: { memory: '128MiB' } } }
const SENT = { ...SMALL, inputs: [{ upload: 'data', target: '/data' }] }
const SETTINGS = [`executions.callerQueueLimit=${CALLER_LIMIT}`, 'executions.queueLimit=50']

for (const [what, body] of [
  ['that wait for room', SMALL],
  ['whose inputs do not come', SENT],
] as const) {
  test(`A48: one caller has so many places in the queue and no more, for executions ${what}`, async () => {
    await using node = await openV1Node({}, undefined, SETTINGS)
    const flooder = await node.token('flooder', 'submit', 'read')
    const other = await node.token('other', 'submit', 'read')
    const hog = viewOf(await node.call(undefined, 'POST /v1/executions', HOG))
    const floods = Array.from({ length: FLOOD }, () => node.call(flooder, 'POST /v1/executions', body))
    const answers = await Promise.all(floods)
    const taken = answers.filter(({ status }) => status === 201)
    assert.equal(taken.length, CALLER_LIMIT)
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      const { code, retryAfterMs, details } = problemIn(answer)
      assert.deepEqual([answer.status, code, details.ofCaller], [429, 'queue_full', CALLER_LIMIT])
      assert.ok((retryAfterMs ?? 0) > 0)
    }
    // Its places are its own: the next caller has room, and its turn.
    const welcome = await node.call(other, 'POST /v1/executions', SMALL)
    assert.equal(welcome.status, 201)
    for (const answer of taken)
      await node.call(flooder, `POST /v1/executions/${viewOf(answer).id}/cancel`, { graceMs: 0 })
    for (const answer of taken) await node.call(flooder, `GET /v1/executions/${viewOf(answer).id}/wait?timeout=60s`)
    assert.equal((await node.call(flooder, 'POST /v1/executions', SMALL)).status, 201, 'places come free')
    await node.call(undefined, `POST /v1/executions/${hog.id}/cancel`, { graceMs: 0 })
    const ended = await node.call(other, `GET /v1/executions/${viewOf(welcome).id}/wait?timeout=60s`)
    assert.equal(viewOf(ended).exitCode, 3)
  })
}
