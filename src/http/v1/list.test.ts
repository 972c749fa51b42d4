import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const token = await node.token('me', 'read', 'submit')

async function submit(id: string, more: object): Promise<string> {
  const answer = await node.call(token, 'POST /v1/executions', { id, task: { image: 'hello' }, ...more })
  assert.equal(answer.status, 201, answer.text)
  const ended = viewOf(await node.call(token, `GET /v1/executions/${id}/wait`))
  return ended.times.accepted ?? ''
}

async function idsOf(query: string): Promise<string[]> {
  const { status, text } = await node.call(token, `GET /v1/executions?${query}`)
  assert.equal(status, 200, text)
  return JSON.parse(text).executions.map(({ id }: { id: string }) => id)
}

test('a list is of one job, of all labels that are named, and of a span of time', async () => {
  await submit('a', { job: 'one', labels: { team: 'x', 'k/v': 'a=b' } })
  const middle = await submit('b', { job: 'two', labels: { team: 'x', size: '2' } })
  await submit('c', { labels: { team: 'y' } })
  assert.deepEqual(await idsOf('job=two'), ['b'])
  assert.deepEqual(await idsOf('label=team%3Dx'), ['b', 'a'])
  assert.deepEqual(await idsOf('label=team=x&label=size=2'), ['b'])
  assert.deepEqual(await idsOf('label=k/v=a=b'), ['a'])
  assert.deepEqual(await idsOf(`since=${middle}`), ['c', 'b'])
  assert.deepEqual(await idsOf(`until=${middle}`), ['a'])
  assert.deepEqual(await idsOf(`status=failed&label=team=x&since=${middle}&until=2999-01-01T00:00:00Z`), ['b'])
  assert.deepEqual(await idsOf('label=team=z'), [])
  const first = JSON.parse((await node.call(token, 'GET /v1/executions?label=team=x&limit=1')).text)
  assert.deepEqual(await idsOf(`label=team=x&cursor=${first.cursor}`), ['a'])
  const other = await node.token('other', 'read')
  assert.equal((await node.call(other, 'GET /v1/executions?label=team=x')).text, '{"executions":[]}')
})

test('a filter that makes no sense is refused', async () => {
  const many = Array.from({ length: 21 }, (_, index) => `label=k${index}=v`).join('&')
  for (const query of ['label=x', 'label==x', 'job=..', 'since=yesterday', 'until=5', 'status=a&status=b', many]) {
    const answer = await node.call(token, `GET /v1/executions?${query}`)
    assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], query)
  }
})
