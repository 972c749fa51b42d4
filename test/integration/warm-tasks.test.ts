import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ensureImage, type SampleName } from '../../examples/tasks/offline/sample-images.ts'
import { post, startDaemon, type TestDaemon } from '../support/daemon.ts'
import { RecordingLog } from '../support/recording-log.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

const SMALL = { cpu: 0.3, mem: 64 }
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

/** Inputs that anything which looks at them, re-encodes them or cuts them would change. */
const INPUTS = {
  'an empty text': '',
  'text of many scripts': 'Grüße, 你好, \u{1F680} and \0 \u0007 \uFFFD "quotes" \\ \r\n\t',
  'text that looks like JSON': '{"input": "{\\"input\\": [1, 2, 3]}", "id": null}',
  '100 KB of text': 'päckchen '.repeat(10_240),
}

test('a task answers cold, then warm from the same instance', options, async () => {
  await using node = await startDaemon()
  const id = await ensureImage('hello-node')
  assert.deepEqual(await node.execute({ id, input: 'world' }), { success: true, msg: 'Hello, world!' })
  const [container] = await node.containers()
  assert.deepEqual(await node.execute({ id, input: 'again' }), { success: true, msg: 'Hello, again!' })
  assert.deepEqual(await node.containers(), [container])
})

describe('warm tasks', options, () => {
  const log = new RecordingLog()
  let node: TestDaemon
  before(async () => {
    node = await startDaemon(['resources.cpuOvercommit=8'], { log })
  })
  after(async () => node[Symbol.asyncDispose]())

  /** How an instance of a sample was reached in the end. */
  async function endpointOf(name: SampleName): Promise<string> {
    const starts = log.factsOf('cold start').filter(({ image }) => image === `errand-sample/${name}:latest`)
    assert.equal(starts.length, 1)
    return String(starts[0]?.endpoint)
  }

  for (const name of ['hello-node', 'hello-python'] as const) {
    test(`${name} answers over TCP`, async () => {
      const request = { id: await ensureImage(name), resource: SMALL, input: 'Wörld' }
      assert.deepEqual(await node.execute(request), { success: true, msg: 'Hello, Wörld!' })
      assert.match(await endpointOf(name), /^[0-9.]+:8080$/)
    })
  }

  test('echo-socket answers over its unix socket', async () => {
    const request = { id: await ensureImage('echo-socket'), resource: SMALL, input: 'over the socket' }
    assert.deepEqual(await node.execute(request), { success: true, msg: 'over the socket' })
    assert.match(await endpointOf('echo-socket'), /^unix:\/.*\/task\.sock$/)
  })

  test('static-nginx answers with its file', async () => {
    const answer = await node.execute({ id: await ensureImage('static-nginx'), resource: SMALL, input: '' })
    assert.deepEqual(answer, { success: true, msg: 'Hello from static nginx.\n' })
  })

  for (const [what, input] of Object.entries(INPUTS)) {
    test(`${what} reaches a task and comes back untouched`, async () => {
      const id = await ensureImage('echo-socket')
      assert.deepEqual(await node.execute({ id, resource: SMALL, input }), { success: true, msg: input })
    })
  }

  test('a task gets its input by POST to /, as application/json', async () => {
    const request = { id: await ensureTask('talk'), resource: SMALL, input: say({ order: 'describe' }) }
    const { method, url, headers } = JSON.parse((await node.execute(request)).msg)
    assert.deepEqual([method, url, headers['content-type']], ['POST', '/', 'application/json'])
    assert.equal(headers['content-length'], String(Buffer.byteLength(request.input)))
  })

  test('the same image with other resources is another instance beside the first', async () => {
    const id = await ensureImage('hello-node')
    const before = new Set(await node.containers())
    for (const resource of [{ cpu: 0.4, mem: 64 }, { cpu: 0.3, mem: 65 }, SMALL, { cpu: 0.4, mem: 64 }]) {
      await node.execute({ id, resource, input: '' })
    }
    const added = (await node.containers()).filter((name) => !before.has(name))
    assert.equal(added.length, 2)
    assert.ok([...before].every((name) => !added.includes(name)))
  })

  test('resources left out and zeros are the default: one core and 128 MB', async () => {
    const id = await ensureImage('echo-socket')
    const before = (await node.containers()).length
    for (const resource of [undefined, {}, { cpu: 0, mem: 0 }, { cpu: 1, mem: 128 }, { cpu: 1, memory: 128 }]) {
      assert.equal((await node.execute({ id, resource, input: 'x' })).msg, 'x')
    }
    assert.equal((await node.containers()).length, before + 1)
  })
})

test('two listeners are two callers: they share no instance', options, async () => {
  await using node = await startDaemon([], {}, ['127.0.0.1:0', '127.0.0.2:0'])
  const request = { id: await ensureImage('hello-node'), resource: SMALL, input: 'you' }
  for (const address of node.daemon.addresses) {
    for (const _again of [1, 2]) assert.equal((await post(`http://${address}/`, request)).msg, 'Hello, you!')
  }
  assert.equal(node.daemon.addresses.length, 2)
  assert.equal((await node.containers()).length, 2)
})
