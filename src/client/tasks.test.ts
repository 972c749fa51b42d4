import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { openV1Node } from '../http/v1/v1-node.fixture.ts'
import { ErrandClient } from './client.ts'

const node = await openV1Node({
  mirror: {
    serve: (request, response) => {
      const { method, url, headers } = request
      response.writeHead(418, { 'content-type': 'text/plain', trailer: 'x-sum', 'x-said': `${method} ${url}` })
      response.write(`${String(headers['x-mine'])}:`)
      request.on('data', (chunk: Buffer) => void response.write(chunk))
      request.on('end', () => {
        response.addTrailers({ 'x-sum': '7' })
        response.end()
      })
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const errand = new ErrandClient({ url: `unix://${node.socketPath}` })
after(() => errand.close())

test('tasks are defined, defined anew, read, listed and forgotten', async () => {
  for (const name of ['one', 'two', 'three']) {
    const { image, resources } = await errand.tasks.put(name, { image: 'mirror', resources: { memory: '64MiB' } })
    assert.deepEqual([image, resources.memory], ['mirror', 64 * 1024 ** 2])
  }
  await errand.tasks.put('one', { image: 'mirror', keepAliveMs: 1000 })
  assert.equal((await errand.tasks.get('one')).keepAliveMs, 1000)
  const names = (await Array.fromAsync(errand.tasks.list({ limit: 2 }))).map(({ name }) => name)
  assert.deepEqual(names, ['one', 'three', 'two'])
  await errand.tasks.remove('two')
  await assert.rejects(errand.tasks.get('two'), { code: 'not_found' })
})

test('an invocation passes through as it is, streamed both ways, and what the task says is no error', async () => {
  await errand.tasks.put('mirror', { image: 'mirror' })
  const body = Readable.from([Buffer.from('hello '), Buffer.from('task')])
  const headers = { 'x-mine': 'kept' }
  const answer = await errand.invoke('mirror', { method: 'PUT', path: '/a//b%20c/?x=1&x=2', headers, body })
  assert.deepEqual([answer.status, answer.headers['x-said']], [418, 'PUT /a//b%20c/?x=1&x=2'])
  assert.equal(await text(answer.body), 'kept:hello task')
  assert.equal(answer.trailers['x-sum'], '7')
  const plain = await errand.invoke('mirror', { headers })
  assert.deepEqual([plain.headers['x-said'], await text(plain.body)], ['GET /', 'kept:'])
  const [instance] = await errand.instances.list()
  assert.ok(instance)
  assert.equal((await errand.instances.get(instance.id)).task, 'mirror')
  await errand.instances.remove(instance.id)
})

test('what the node itself refuses is an error with a code', async () => {
  await assert.rejects(errand.invoke('none'), { code: 'not_found' })
  for (const path of ['', 'a', '/../node', '/a/%2E./b', '/.', '/a b', '/a#b', '/é']) {
    await assert.rejects(errand.invoke('mirror', { path }), { code: 'validation_failed' }, path)
  }
})

test('a request for later is kept at once, waited for, and its answer read as the task gave it', async () => {
  await errand.tasks.put('mirror', { image: 'mirror' })
  const request = { method: 'PUT', path: '/later?x=1', headers: { 'x-mine': 'kept' }, body: 'hello' } as const
  const { id, task, status } = await errand.invocations.begin('mirror', { ...request, idempotencyKey: 'once' })
  assert.equal(task, 'mirror')
  assert.ok(['queued', 'running', 'answered'].includes(status))
  assert.equal((await errand.invocations.begin('mirror', { ...request, idempotencyKey: 'once' })).id, id)
  const ended = await errand.invocations.wait(id, { timeoutMs: 60_000 })
  assert.deepEqual([ended.status, ended.response?.status], ['answered', 418])
  const answer = await errand.invocations.response(id)
  assert.deepEqual([answer.status, answer.headers['x-said']], [418, 'PUT /later?x=1'])
  assert.equal(await text(answer.body), 'kept:hello')
  assert.deepEqual(
    (await Array.fromAsync(errand.invocations.list({ limit: 1 }))).map((each) => each.id),
    [id],
  )
  await errand.invocations.remove(id)
  await assert.rejects(errand.invocations.get(id), { code: 'not_found' })
  await assert.rejects(errand.invocations.begin('none', { body: 'x' }), { code: 'not_found' })
})
