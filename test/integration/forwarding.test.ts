import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { type MecaAnswer, startDaemon, type TestDaemon } from '../support/daemon.ts'
import { ensureTask, type Order, say } from '../support/test-tasks.ts'

const options = { timeout: 300_000 }
const RESOURCE = { cpu: 0.5, mem: 64 }
const MAX_BYTES = 100_000
const REQUEST_TIMEOUT_MS = 2000

const talk = await ensureTask('talk')

function order(node: TestDaemon, what: Order): Promise<MecaAnswer> {
  return node.execute({ id: talk, resource: RESOURCE, input: say(what) })
}

describe('forwarding', options, () => {
  let node: TestDaemon
  before(async () => {
    node = await startDaemon([
      `tasks.maxResponseBytes=${MAX_BYTES}`,
      `tasks.maxRequestBytes=${MAX_BYTES}`,
      `tasks.requestTimeoutMs=${REQUEST_TIMEOUT_MS}`,
    ])
    // The deadline of a request covers the start too: do it before.
    assert.equal((await order(node, { order: 'status', status: 200, body: '' })).success, true)
  })
  after(async () => node[Symbol.asyncDispose]())

  test('hands on an answer as long as tasks.maxResponseBytes, and refuses one byte more', async () => {
    assert.equal((await order(node, { order: 'bytes', count: MAX_BYTES })).msg, 'x'.repeat(MAX_BYTES))
    const { success, code, details } = await order(node, { order: 'bytes', count: MAX_BYTES + 1 })
    assert.deepEqual([success, code, details], [false, 'response_too_large', { maxResponseBytes: MAX_BYTES }])
  })

  test('refuses a request longer than tasks.maxRequestBytes with 413', async () => {
    const body = JSON.stringify({ id: talk, input: 'x'.repeat(MAX_BYTES) })
    const response = await fetch(node.url, { method: 'POST', body })
    assert.equal(response.status, 413)
    assert.match(await response.text(), /larger than 100000 bytes/)
  })

  for (const status of [400, 404, 500, 503]) {
    test(`tells the task's own ${status} as no success, with its body and without a code of ours`, async () => {
      const answer = await order(node, { order: 'status', status, body: 'the task says no' })
      assert.deepEqual(answer, { success: false, msg: 'the task says no', status })
    })
  }

  for (const status of [200, 201, 204]) {
    test(`takes the task's ${status} for success`, async () => {
      const body = status === 204 ? '' : 'fine'
      assert.deepEqual(await order(node, { order: 'status', status, body }), { success: true, msg: body })
    })
  }

  test('gives a request up when tasks.requestTimeoutMs are over', async () => {
    const { success, code, msg } = await order(node, { order: 'sleep', ms: 600_000 })
    assert.deepEqual([success, code], [false, 'deadline_exceeded'])
    assert.match(msg, /2000 ms/)
  })

  test('gives a request up that still waits for its start then', async () => {
    const { code } = await node.execute({ id: await ensureImage('slow'), resource: RESOURCE, input: '' })
    assert.equal(code, 'deadline_exceeded')
  })
})

test('with mecaStrictCompat every answer of a task is a success, and failures carry no code', options, async () => {
  await using node = await startDaemon(['mecaStrictCompat=true'])
  const answer = await order(node, { order: 'status', status: 500, body: 'the task says no' })
  assert.deepEqual(answer, { success: true, msg: 'the task says no' })
  const refused = await node.execute({ id: 'No Image', input: '' })
  assert.deepEqual(Object.keys(refused), ['success', 'msg'])
  assert.equal(refused.success, false)
})
