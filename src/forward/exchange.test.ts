import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { coded, ExchangeBench, MAX_BYTES } from './exchange-bench.fixture.ts'
import { ok } from './raw-server.fixture.ts'

const options = { timeout: 30_000 }

describe('a request', options, () => {
  test('arrives as it was given, as JSON whatever it is', async () => {
    await using bench = await ExchangeBench.open(ok('answer'))
    const { status, body } = await bench.send({ method: 'POST', path: '/run', body: 'Wörld' })
    assert.deepEqual([status, String(body)], [200, 'answer'])
    const [request = ''] = bench.server.requests
    assert.match(request, /^POST \/run HTTP\/1\.1\r\nhost: task\r\n/)
    assert.match(request, /\r\ncontent-type: application\/json\r\ncontent-length: 6\r\n\r\nWörld$/)
  })

  test('by GET has no body and no content type', async () => {
    await using bench = await ExchangeBench.open(ok('quote'))
    await bench.send({ method: 'GET', path: '/ra', body: '' })
    assert.match(bench.server.requests[0] ?? '', /^GET \/ra HTTP\/1\.1\r\n/)
    assert.doesNotMatch(bench.server.requests[0] ?? '', /content-/)
  })

  test('uses the connection of the one before', async () => {
    await using bench = await ExchangeBench.open(ok('one'), ok('two'))
    assert.equal(await bench.text(), 'one')
    await settle()
    assert.equal(await bench.text(), 'two')
    assert.equal(bench.server.sockets.length, 1)
  })

  test('does not wait behind another one', async () => {
    await using bench = await ExchangeBench.open(() => {}, ok('second'))
    const first = bench.send()
    first.catch(() => {})
    assert.equal(await bench.text(), 'second')
    assert.equal(bench.server.sockets.length, 2)
  })

  test('gets a new connection where the task has closed the old one meanwhile', async () => {
    await using bench = await ExchangeBench.open(ok('one'), ok('two'))
    assert.equal(await bench.text(), 'one')
    const [old] = bench.server.sockets
    assert.ok(old)
    old.end()
    await once(old, 'close')
    assert.equal(await bench.text(), 'two')
    assert.equal(bench.server.sockets.length, 2)
  })

  test('that got no answer is not sent again', async () => {
    await using bench = await ExchangeBench.open((socket) => socket.destroy(), ok('never'))
    await assert.rejects(bench.send(), coded('task_connection_closed'))
    await settle()
    assert.equal(bench.server.requests.length, 1)
  })

  test('to where nobody listens fails with task_connection_closed', async () => {
    await using bench = await ExchangeBench.open()
    await bench.server[Symbol.asyncDispose]()
    await assert.rejects(bench.send(), coded('task_connection_closed'))
  })

  for (const isSent of [true, false]) {
    test(`${isSent ? 'under way' : 'about to be sent'} when the instance is removed fails with the reason`, async () => {
      await using bench = await ExchangeBench.open(() => {})
      const sent = assert.rejects(bench.send(), coded('draining'))
      while (isSent && bench.server.requests.length === 0) await settle()
      await bench.connections.destroy(new ErrandError('draining', 'removed'))
      await sent
    })
  }
})

describe('an answer', options, () => {
  const bodies = {
    'with a length': ok('hello'),
    'in chunks': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
    'after informational ones': `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${ok('hello')}`,
  }
  for (const [how, bytes] of Object.entries(bodies)) {
    test(`${how} is taken whole`, async () => {
      await using bench = await ExchangeBench.open(bytes)
      assert.equal(await bench.text(), 'hello')
    })
  }

  test('that ends with its connection is taken whole', async () => {
    await using bench = await ExchangeBench.open((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nhello'))
    assert.equal(await bench.text(), 'hello')
  })

  for (const head of ['404 Not Found', '500 Oops', '302 Found\r\nlocation: http://127.0.0.1:9/', '204 No Content']) {
    test(`${head.slice(0, 3)} is handed on`, async () => {
      await using bench = await ExchangeBench.open(
        head.startsWith('204') ? 'HTTP/1.1 204 No Content\r\n\r\n' : ok('', head),
      )
      assert.equal((await bench.send()).status, Number(head.slice(0, 3)))
      assert.equal(bench.server.requests.length, 1)
    })
  }

  test('that is compressed is handed on as it is', async () => {
    const zipped = gzipSync('hello')
    const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n\r\n`
    await using bench = await ExchangeBench.open(Buffer.concat([Buffer.from(head), zipped]))
    assert.deepEqual((await bench.send()).body, zipped)
  })

  const bad = {
    'that is no HTTP': ['SSH-2.0-OpenSSH_9.2\r\n', 'bad_task_response'],
    'of another protocol (101)': [
      'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'bad_task_response',
    ],
    'that says 100 without being asked': [`HTTP/1.1 100 Continue\r\n\r\n${ok('hello')}`, 'bad_task_response'],
    'with a length that is none': ['HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n', 'bad_task_response'],
    'with headers without end': [`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`, 'bad_task_response'],
    'of informational ones without end': ['HTTP/1.1 103 Hints\r\n\r\n'.repeat(100), 'bad_task_response'],
    'that says that it is too long': [
      `HTTP/1.1 200 OK\r\ncontent-length: ${MAX_BYTES + 1}\r\n\r\n`,
      'response_too_large',
    ],
    'that is too long': [
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(MAX_BYTES + 1)}\r\n0\r\n\r\n`,
      'response_too_large',
    ],
  } as const
  for (const [what, [bytes, code]] of Object.entries(bad)) {
    test(`${what} is refused as ${code}, and its connection is not used again`, async () => {
      await using bench = await ExchangeBench.open(bytes, ok('another'))
      await assert.rejects(bench.send(), coded(code))
      assert.equal(await bench.text(), 'another')
      assert.equal(bench.server.sockets.length, 2)
    })
  }

  const cut = {
    'before its first byte': '',
    'in its head': 'HTTP/1.1 200 OK\r\ncontent-le',
    'in its body': 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf',
    'between its chunks': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  }
  for (const [where, bytes] of Object.entries(cut)) {
    test(`that is cut ${where} is refused as task_connection_closed`, async () => {
      await using bench = await ExchangeBench.open((socket) => socket.end(bytes))
      await assert.rejects(bench.send(), coded('task_connection_closed'))
    })
  }

  test('exactly as long as it may be is taken', async () => {
    await using bench = await ExchangeBench.open(ok('x'.repeat(MAX_BYTES)))
    assert.equal((await bench.text()).length, MAX_BYTES)
  })

  test('that trickles is given up, one that flows is not', async () => {
    await using bench = await ExchangeBench.open('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx')
    const sent = assert.rejects(bench.send(), coded('deadline_exceeded'))
    while (bench.clock.pendingTimers === 0) await settle()
    await bench.clock.advance(60_000)
    await sent
  })
})
