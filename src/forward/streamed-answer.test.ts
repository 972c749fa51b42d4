import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { Cancellation } from '../core/cancellation.ts'
import { openConnections } from './connections.ts'
import { coded } from './exchange-bench.fixture.ts'
import { RawServer } from './raw-server.fixture.ts'
import { GET, StreamBench, TestSink } from './stream-bench.fixture.ts'
import { streamExchange } from './stream-exchange.ts'
import { settledAt, until } from './stream-flow.fixture.ts'

const options = { timeout: 20_000 }
const MIB = 1024 * 1024

describe('an answer that is passed through', options, () => {
  test('has its status, headers, body and trailers', async () => {
    await using bench = await StreamBench.open((_request, response) => {
      response.writeHead(418, ['X-A', '1', 'x-a', '2', 'Content-Type', 'a/b', 'Trailer', 'x-sum'])
      response.write('hello')
      response.addTrailers({ 'x-sum': '42', 'set-cookie': 'a=b', 'errand-code': 'x' })
      response.end()
    })
    const sink = new TestSink()
    assert.deepEqual(await bench.send(GET, sink), { status: 418 })
    assert.deepEqual([sink.status, sink.text, sink.trailers], [418, 'hello', ['x-sum', '42']])
    assert.deepEqual(sink.headers.slice(0, 6), ['X-A', '1', 'x-a', '2', 'Content-Type', 'a/b'])
    assert.equal(sink.header('trailer'), undefined)
  })

  test('brings nothing along that is between neighbours, is ours to say, or is remembered for all tasks', async () => {
    await using bench = await StreamBench.open((_request, response) => {
      const dropped = {
        Connection: 'x-hop',
        'X-Hop': '1',
        'Keep-Alive': 'timeout=1',
        'Set-Cookie': 'a=b',
        'Alt-Svc': 'h3=":1"',
        'Proxy-Authenticate': 'Basic',
        'Strict-Transport-Security': 'max-age=1',
        'Clear-Site-Data': '"*"',
        'Errand-Code': 'internal',
        'errand-instance': 'fake',
        'Service-Worker-Allowed': '/',
      }
      response.writeHead(200, [...Object.entries(dropped).flat(), 'X-Kept', 'yes', 'Date', 'now']).end()
    })
    const sink = new TestSink()
    await bench.send(GET, sink)
    assert.deepEqual(sink.headers, ['X-Kept', 'yes', 'Date', 'now'])
  })

  test('keeps the bytes of its headers', async () => {
    const head = Buffer.from('HTTP/1.1 200 OK\r\nx-name: \xe4\xc3\xa4\r\ncontent-length: 0\r\n\r\n', 'latin1')
    await using server = await RawServer.open(head)
    const connections = openConnections(server.endpoint)
    const sink = new TestSink()
    await streamExchange(connections, GET, sink, { touch() {} } as never, {} as never, new Cancellation())
    assert.equal(sink.header('x-name'), '\xe4\xc3\xa4')
    await connections.destroy()
  })

  const bare: Readonly<Record<string, [string, (response: ServerResponse) => void, string | undefined]>> = {
    HEAD: ['HEAD', (response) => response.writeHead(200, { 'content-length': 1000 }).end(), '1000'],
    '204': ['GET', (response) => response.writeHead(204).end(), undefined],
    '304': ['GET', (response) => response.writeHead(304, { 'content-length': 1000 }).end(), '1000'],
    '302': ['GET', (response) => response.writeHead(302, { location: '/x', 'content-length': 0 }).end(), '0'],
  }
  for (const [what, [method, answer, length]] of Object.entries(bare)) {
    test(`without a body (${what}) is whole with its head`, async () => {
      await using bench = await StreamBench.open((_request, response) => answer(response))
      const sink = new TestSink()
      await bench.send({ ...GET, method }, sink)
      assert.deepEqual([sink.bytes, sink.trailers, sink.header('content-length')], [0, [], length])
    })
  }

  test('is listened to no faster than its reader reads it', async () => {
    let sent = 0
    await using bench = await StreamBench.open((_request, response) => {
      const more = (): void => {
        for (let isFree = true; isFree && sent < 100 * MIB; sent += 64 * 1024) {
          isFree = response.write(Buffer.alloc(64 * 1024))
        }
        if (sent < 100 * MIB) response.once('drain', more)
        else response.end()
      }
      more()
    })
    const sink = new TestSink()
    sink.isFull = true
    const answered = bench.send(GET, sink)
    await until(() => sink.isHeld)
    const made = await settledAt(() => sent)
    assert.ok(made < 20 * MIB && sink.bytes <= MIB, `${made} bytes made, ${sink.bytes} taken`)
    sink.isFull = false
    sink.drain()
    await answered
    assert.equal(sink.bytes, 100 * MIB)
  })

  const broken = {
    'ends before its length': 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf',
    'ends in the midst of a chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf',
    'ends without its last chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  }
  for (const [how, bytes] of Object.entries(broken)) {
    test(`that ${how} is never said to be whole`, async () => {
      await using server = await RawServer.open((socket) => void socket.end(bytes))
      const connections = openConnections(server.endpoint)
      const sink = new TestSink()
      const clock = { monotonicMs: () => 0 }
      const deps = { clock, deadlines: { arm: () => undefined, disarm() {} } } as never
      const sent = streamExchange(connections, GET, sink, { touch() {} } as never, deps, new Cancellation())
      await assert.rejects(sent, coded('task_connection_closed'))
      assert.deepEqual([sink.status, sink.text, sink.trailers], [200, 'half', undefined])
      await connections.destroy()
    })
  }

  test('of known length that comes too slowly is given up, however patient its caller is', async () => {
    await using bench = await StreamBench.open((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('x')
    })
    const sink = new TestSink()
    const sent = assert.rejects(bench.send(GET, sink, new Cancellation(), 3_600_000), coded('deadline_exceeded'))
    await until(() => sink.bytes === 1)
    await bench.clock.advance(31_000)
    await sent
  })

  test('of unknown length may come as slowly as it likes, as long as something comes', async () => {
    let answer: ServerResponse | undefined
    await using bench = await StreamBench.open((_request, response) => {
      answer = response
      response.write('.')
    })
    const sink = new TestSink()
    const sent = bench.send(GET, sink, new Cancellation(), 60_000)
    const outcome = assert.rejects(sent, coded('deadline_exceeded'))
    for (let count = 1; count <= 5; count += 1) {
      await until(() => sink.bytes === count)
      await bench.clock.advance(59_000)
      if (count < 5) answer?.write('.')
    }
    await bench.clock.advance(2000)
    await outcome
    assert.equal(sink.bytes, 5)
  })

  test('that is not begun in time is given up, and every piece of its request is time anew', async () => {
    await using bench = await StreamBench.open((request) => void request.resume())
    const source = new PassThrough()
    const body = { source, bytes: undefined }
    const arrived = once(bench.server, 'request')
    source.write('x')
    const sent = bench.send({ ...GET, method: 'POST', body }, new TestSink(), new Cancellation(), 60_000)
    let isOver = false
    const outcome = assert.rejects(sent, coded('deadline_exceeded')).then(() => {
      isOver = true
    })
    await arrived
    for (let count = 0; count < 3; count += 1) {
      await bench.clock.advance(50_000)
      source.write('x')
      await settledAt(() => source.readableLength)
      assert.equal(isOver, false)
    }
    await bench.clock.advance(61_000)
    await outcome
  })

  test('that its reader does not read is given up in the same time, and is not held against its task', async () => {
    await using bench = await StreamBench.open((_request, response) => response.end('x'.repeat(100 * MIB)))
    const sink = new TestSink()
    sink.isFull = true
    const sent = assert.rejects(bench.send(GET, sink, new Cancellation(), 60_000), coded('cancelled'))
    await until(() => sink.isHeld)
    await bench.clock.advance(61_000)
    await sent
  })

  test('that its reader has read for a while, and that then stays away, is held against its task', async () => {
    await using bench = await StreamBench.open((_request, response) => void response.write('x'.repeat(1000)))
    const sink = new TestSink()
    sink.isFull = true
    const sent = assert.rejects(bench.send(GET, sink, new Cancellation(), 60_000), coded('deadline_exceeded'))
    await until(() => sink.isHeld)
    await bench.clock.advance(50_000)
    sink.drain()
    await bench.clock.advance(50_000)
    await bench.clock.advance(11_000)
    await sent
  })
})
