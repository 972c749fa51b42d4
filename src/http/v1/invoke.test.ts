import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { RawConnection } from '../wire-kit.fixture.ts'
import { head, openWith } from './invoked-task.fixture.ts'
import { problemIn } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }

/** Answers with what it was asked. */
const MIRROR: FakeScript = {
  serve: (request, response) => {
    const { method, url, headers } = request
    void text(request).then((body) => response.end(JSON.stringify({ method, url, headers, body })))
  },
}

interface Mirrored {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

describe('an invocation', options, () => {
  test('gets to the task as it is, without what proves who its caller is', async () => {
    const { node, token } = await openWith(MIRROR)
    await using _node = node
    const headers = { 'content-type': 'text/x', cookie: 'a=b', 'x-forwarded-for': '1.2.3.4', 'x-mine': 'kept' }
    const sent = await node.call(token, 'POST /v1/tasks/it/invoke/a/b?x=1&x=2', { hello: 'task' }, headers)
    assert.equal(sent.status, 200)
    const seen: Mirrored = JSON.parse(sent.text)
    assert.deepEqual([seen.method, seen.url, seen.body], ['POST', '/a/b?x=1&x=2', '{"hello":"task"}'])
    const { host, 'content-type': type, 'x-mine': mine, authorization, cookie, ...rest } = seen.headers
    assert.deepEqual([host, type, mine, authorization, cookie], ['task', 'text/x', 'kept', undefined, undefined])
    assert.equal(rest['x-forwarded-for'], undefined)
    assert.ok(sent.headers['errand-instance'])
    assert.equal(sent.headers['errand-code'], undefined)
  })

  test('may be of any method and path below `invoke`', async () => {
    const { node, token } = await openWith(MIRROR)
    await using _node = node
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const seen: Mirrored = JSON.parse((await node.call(token, `${method} /v1/tasks/it/invoke`)).text)
      assert.deepEqual([seen.method, seen.url], [method, '/'])
    }
    for (const [path, url] of [
      ['/', '/'],
      ['?a=b', '/?a=b'],
      ['/v1/tasks', '/v1/tasks'],
      ['/a/../..', '/a/../..'],
    ]) {
      const seen: Mirrored = JSON.parse((await node.call(token, `GET /v1/tasks/it/invoke${path}`)).text)
      assert.equal(seen.url, url)
    }
    assert.equal((await node.call(token, 'HEAD /v1/tasks/it/invoke')).text, '')
    assert.equal((await node.call(token, 'GET /v1/tasks/it/invoke//evil')).status, 400)
    assert.equal((await node.call(token, 'GET /v1/tasks/it/invoked')).status, 404)
  })

  for (const status of [201, 302, 404, 500, 503]) {
    test(`that its task answers with ${status} is told apart from a failure of ours`, async () => {
      const { node, token } = await openWith({
        serve: (_request, response) => {
          response
            .writeHead(status, { 'content-type': 'a/b', location: '/x', 'errand-code': 'internal' })
            .end('its own')
        },
      })
      await using _node = node
      const answer = await node.call(token, 'GET /v1/tasks/it/invoke')
      assert.deepEqual([answer.status, answer.text, answer.headers['content-type']], [status, 'its own', 'a/b'])
      assert.deepEqual([answer.headers.location, answer.headers['errand-code']], ['/x', undefined])
      assert.ok(answer.headers['errand-instance'])
      assert.match(String(answer.headers['content-security-policy']), /sandbox/)
    })
  }

  test('of no task is a problem with a code', async () => {
    const { node, token } = await openWith(MIRROR)
    await using _node = node
    const answer = await node.call(token, 'POST /v1/tasks/other/invoke', { a: 1 })
    assert.deepEqual(
      [answer.status, answer.headers['errand-code'], problemIn(answer).code],
      [404, 'not_found', 'not_found'],
    )
    assert.equal(answer.headers['errand-instance'], undefined)
    assert.equal(answer.headers['content-type'], 'application/problem+json')
  })

  test('whose caller does not read its answer is given up, and its instance is not asked what became of it', async () => {
    const seen: (string | undefined)[] = []
    const cut = Promise.withResolvers<void>()
    const serve: FakeScript['serve'] = ({ url }, response) => {
      seen.push(url)
      if (url !== '/big') response.end('fine')
      else response.once('close', cut.resolve).end(Buffer.alloc(50_000_000))
    }
    const { node, token } = await openWith({ serve }, { requestTimeoutMs: 300, concurrency: 1 })
    await using _node = node
    const lazy = new RawConnection(node.ports.token)
    lazy.write(head(token, 'GET /v1/tasks/it/invoke/big'), '')
    await lazy.until('HTTP/1.1 200')
    lazy.socket.pause()
    await cut.promise
    assert.equal((await node.call(token, 'GET /v1/tasks/it/invoke/after')).text, 'fine')
    assert.deepEqual(seen, ['/big', '/after'])
    lazy.socket.destroy()
  })

  test('of a WebSocket is refused, and says why', async () => {
    const { node, token } = await openWith(MIRROR)
    await using _node = node
    const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    const answer = await node.call(token, 'GET /v1/tasks/it/invoke', undefined, upgrade)
    assert.deepEqual([answer.status, problemIn(answer).code], [501, 'unsupported'])
    assert.match(problemIn(answer).detail, /WebSockets/)
    const other = await node.call(token, 'GET /v1/tasks/it/invoke', undefined, {
      connection: 'upgrade',
      upgrade: 'h2c',
    })
    assert.equal(other.status, 200)
  })

  test('may have a compressed body, which is the task’s affair', async () => {
    const { node, token } = await openWith(MIRROR)
    await using _node = node
    const answer = await node.call(token, 'POST /v1/tasks/it/invoke', {}, { 'content-encoding': 'gzip' })
    assert.equal((JSON.parse(answer.text) as Mirrored).headers['content-encoding'], 'gzip')
    const coded = await node.call(token, 'POST /v1/tasks/it/invoke', {}, { 'transfer-encoding': 'gzip, chunked' })
    assert.equal(coded.status, 415)
  })

  test('that its task does not answer in its time fails with a code, and the task has no turn left', async () => {
    const { node, token } = await openWith({ serve: () => {} }, { requestTimeoutMs: 300 })
    await using _node = node
    const answer = await node.call(token, 'GET /v1/tasks/it/invoke')
    assert.deepEqual([answer.status, problemIn(answer).code], [504, 'deadline_exceeded'])
  })

  test('waits behind others as its task says', async () => {
    const waiting: (() => void)[] = []
    let most = 0
    const serve: FakeScript['serve'] = (_request, response) => {
      waiting.push(() => void response.end())
      most = Math.max(most, waiting.length)
      // As soon as there are as many as there may be, one is answered.
      if (waiting.length === 2) setImmediate(() => waiting.shift()?.())
    }
    const { node, token } = await openWith({ serve }, { concurrency: 2, resources: { memory: '5GiB' } })
    await using _node = node
    const calls = Array.from({ length: 10 }, () => node.call(token, 'GET /v1/tasks/it/invoke'))
    let isOver = false
    const all = Promise.all(calls).finally(() => {
      isOver = true
    })
    while (!isOver) {
      await new Promise(setImmediate)
      if (calls.length > 0 && waiting.length === 1) waiting.shift()?.()
    }
    assert.deepEqual(new Set((await all).map(({ status }) => status)), new Set([200]))
    assert.equal(most, 2)
  })
})
