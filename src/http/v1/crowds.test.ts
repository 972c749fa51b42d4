import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Answer, ask, RawConnection } from '../wire-kit.fixture.ts'
import { openV1Node, problemIn, type V1Node, viewOf } from './v1-node.fixture.ts'

/** What the queue of executions takes, unless it is told otherwise. */
const WAITS = 1000
/** What one caller may have open. */
const STREAMS = 256

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const ann = await node.token('ann', 'read', 'submit')

/** How the log of something short is read. */
async function readLog(of: V1Node, token: string): Promise<Answer> {
  const { id } = viewOf(await of.call(token, 'POST /v1/executions', { task: { image: 'hello' } }))
  await of.call(token, `GET /v1/executions/${id}/wait`)
  return of.call(token, `GET /v1/executions/${id}/logs`)
}

test(`A48: ${WAITS} waits of one caller are all answered, and keep nobody from a log`, async () => {
  const { id } = viewOf(await node.call(undefined, 'POST /v1/executions', { task: { image: 'forever' } }))
  const wait = { method: 'GET', path: `/v1/executions/${id}/wait?timeout=60s`, socketPath: node.socketPath }
  const waits = Array.from({ length: WAITS }, () => ask(0, wait))
  assert.equal((await readLog(node, ann)).status, 200)
  await node.call(undefined, `POST /v1/executions/${id}/cancel`, { graceMs: 0 })
  const statuses = new Set((await Promise.all(waits)).map(({ status }) => status))
  assert.deepEqual([...statuses], [200])
})

test('A48: a caller with all the streams that it may have keeps no other from one', async () => {
  const bob = await node.token('bob', 'read', 'submit')
  using streams = new DisposableStack()
  for (let count = 0; count < STREAMS; count += 1) {
    const stream = streams.use(new RawConnection(node.ports.token))
    stream.write('GET /v1/events HTTP/1.1', 'Host: localhost', `Authorization: ${ann}`, '', '')
    assert.match(await stream.until('\r\n\r\n'), /^HTTP\/1\.1 200 /)
  }
  const refused = await node.call(ann, 'GET /v1/events')
  const { code, details } = problemIn(refused)
  assert.deepEqual([refused.status, code, details.ofCaller], [429, 'queue_full', STREAMS])
  assert.equal((await readLog(node, bob)).status, 200)
})
