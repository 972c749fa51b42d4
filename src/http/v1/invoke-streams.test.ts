import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { RawConnection } from '../wire-kit.fixture.ts'
import { head, openWith } from './invoked-task.fixture.ts'

const options = { timeout: 60_000 }

describe('an invocation that is under way', options, () => {
  test('streams both ways at once', async () => {
    const { node, token } = await openWith({ serve: (request, response) => void request.pipe(response) })
    await using _node = node
    const headers = { authorization: token }
    const { token: port } = node.ports
    const request = httpRequest({ port, method: 'POST', path: '/v1/tasks/it/invoke', headers, agent: false })
    const answered = once(request, 'response')
    request.write('one')
    const [response] = (await answered) as [IncomingMessage]
    for (const word of ['two', 'three']) {
      const [seen] = await once(response, 'data')
      assert.equal(String(seen), word === 'two' ? 'one' : 'two')
      request.write(word)
    }
    request.end()
    assert.equal(await text(response), 'three')
  })

  test('tells events as they come', async () => {
    const sent = Promise.withResolvers<void>()
    const { node, token } = await openWith({
      serve: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        void sent.promise.then(() => response.end('data: 1\n\n'))
      },
    })
    await using _node = node
    using connection = new RawConnection(node.ports.token)
    connection.write(head(token), '')
    assert.match(await connection.until('\r\n\r\n'), /content-type: text\/event-stream/)
    sent.resolve()
    await connection.until('data: 1\n\n')
  })

  test('brings the trailers of its answer', async () => {
    const { node, token } = await openWith({
      serve: (_request, response) => {
        response.write('body')
        response.addTrailers({ 'x-sum': '42' })
        response.end()
      },
    })
    await using _node = node
    using connection = new RawConnection(node.ports.token)
    connection.write(head(token), '')
    assert.match(await connection.until('x-sum'), /4\r\nbody\r\n0\r\nx-sum: 42/)
  })

  for (const version of ['1.1', '1.0']) {
    test(`whose task dies amid its answer is cut off, never ended (HTTP/${version})`, async () => {
      const half = Promise.withResolvers<void>()
      const { node, token } = await openWith({
        serve: (_request, response) => {
          response.write('half')
          void half.promise.then(() => response.destroy())
        },
      })
      await using _node = node
      using connection = new RawConnection(node.ports.token)
      connection.write(head(token, undefined, version), '')
      await connection.until('half')
      half.resolve()
      const all = await connection.untilClosed()
      assert.ok(!all.includes('\r\n0\r\n'), all)
      if (version === '1.0') assert.equal(connection.failure, 'ECONNRESET')
    })
  }

  test('whose caller leaves is broken off at once', async () => {
    const closed = Promise.withResolvers<void>()
    const { node, token } = await openWith({
      serve: (_request, response) => {
        response.once('close', () => closed.resolve())
        response.write('half')
      },
    })
    await using _node = node
    const connection = new RawConnection(node.ports.token)
    connection.write(head(token), '')
    await connection.until('half')
    connection.socket.destroy()
    await closed.promise
  })

  test('that is answered before its body was read keeps its answer', async () => {
    const { node, token } = await openWith({
      serve: (_request, response) => void response.writeHead(413, { connection: 'close' }).end('too much'),
    })
    await using _node = node
    using connection = new RawConnection(node.ports.token)
    connection.write(`${head(token, 'POST /v1/tasks/it/invoke')}Content-Length: 100000000`, '', 'x'.repeat(100_000))
    assert.match(await connection.until('too much'), /^HTTP\/1\.1 413 /)
    await connection.untilClosed()
  })
})
