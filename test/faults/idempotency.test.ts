import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openV1Node, problemIn, viewOf } from '../../src/http/v1/v1-node.fixture.ts'
import type { Answer } from '../../src/http/wire-kit.fixture.ts'

const ATTEMPTS = 100

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const ann = await node.token('ann', 'read', 'submit')

function submit(body: object, key: string): Promise<Answer> {
  return node.call(ann, 'POST /v1/executions', body, { 'idempotency-key': key })
}

test('F53: the same key a hundred times at once is one run; the other answers are its record', async () => {
  const body = { task: { image: 'hello', env: { A: '1', B: '2' } }, labels: { x: 'y' } }
  const answers = await Promise.all(Array.from({ length: ATTEMPTS }, () => submit(body, 'once')))
  const ids = new Set(answers.map((answer) => viewOf(answer).id))
  assert.equal(ids.size, 1)
  assert.equal(answers.filter(({ status }) => status === 201).length, 1)
  assert.equal(answers.filter(({ status }) => status === 200).length, ATTEMPTS - 1)
  assert.equal(new Set(answers.map(({ headers }) => headers.location)).size, 1)
  const [id] = ids
  await node.call(ann, `GET /v1/executions/${id}/wait?timeout=60s`)
  const { executions } = JSON.parse((await node.call(ann, 'GET /v1/executions')).text)
  assert.equal(executions.length, 1)
  assert.equal(node.engine.calls.create, 1)
  const late = await submit({ labels: { x: 'y' }, task: { env: { B: '2', A: '1' }, image: 'hello' } }, 'once')
  assert.deepEqual([late.status, viewOf(late).id, viewOf(late).status], [200, id, 'failed'], 'keys have no order')
})

test('F53: the same key for another body is refused', async () => {
  assert.equal((await submit({ task: { image: 'hello' } }, 'mine')).status, 201)
  const other = await submit({ task: { image: 'hello' }, timeoutMs: 1 }, 'mine')
  assert.deepEqual([other.status, problemIn(other).code], [409, 'key_conflict'])
})

test('F53: a key that is none is refused, and makes no execution', async () => {
  for (const key of ['', 'a b', 'x'.repeat(256)]) {
    const answer = await submit({ task: { image: 'hello' } }, key)
    assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], key)
  }
})

test('F53: a key that was taken before is answered while nothing new is taken', async () => {
  const operator = await node.token('olga', 'operate')
  const body = { task: { image: 'hello' } }
  const first = await submit(body, 'early')
  await node.call(operator, 'POST /v1/node/pause')
  const again = await submit(body, 'early')
  assert.deepEqual([again.status, viewOf(again).id], [200, viewOf(first).id])
  const refused = await submit(body, 'late')
  assert.deepEqual([refused.status, problemIn(refused).code], [503, 'paused'])
  await node.call(operator, 'POST /v1/node/unpause')
  assert.equal((await submit(body, 'late')).status, 201)
})
