import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { Cancellation } from '../core/cancellation.ts'
import { ErrandError } from '../core/errors.ts'
import { openConnections } from './connections.ts'
import { coded } from './exchange-bench.fixture.ts'
import { ok, RawServer } from './raw-server.fixture.ts'
import { GET, StreamBench, TestSink } from './stream-bench.fixture.ts'
import { streamExchange } from './stream-exchange.ts'
import { Source, settledAt, until } from './stream-flow.fixture.ts'

const options = { timeout: 20_000 }
const MIB = 1024 * 1024

describe('a request that is passed through', options, () => {
  test('arrives with its method, path, headers and body', async () => {
    let seen: IncomingMessage | undefined
    await using bench = await StreamBench.open((request, response) => {
      seen = request
      void text(request).then((body) => response.end(body))
    })
    const sink = new TestSink()
    const headers = ['Content-Type', 'text/plain', 'X-A', '1', 'x-a', '2', 'Accept', '*/*']
    const body = { whole: Buffer.from('hello') }
    await bench.send({ method: 'PATCH', path: '/a/b?c=%20d', headers, body }, sink)
    assert.deepEqual([seen?.method, seen?.url], ['PATCH', '/a/b?c=%20d'])
    assert.deepEqual(
      [seen?.headers.host, seen?.headers['content-type'], seen?.headers['x-a'], seen?.headers['content-length']],
      ['task', 'text/plain', '1, 2', '5'],
    )
    assert.equal(sink.text, 'hello')
  })

  test('brings nothing along that is between neighbours, or says who its caller is', async () => {
    await using server = await RawServer.open(ok('fine'))
    const connections = openConnections(server.endpoint)
    const kept = ['x-kept', 'yes', 'Origin', 'http://a']
    const dropped = {
      Connection: 'keep-alive, X-Hop',
      'X-Hop': 'secret',
      connection: 'x-hop-too',
      'X-Hop-Too': 'secret',
      'Keep-Alive': 'timeout=5',
      TE: 'trailers',
      Trailer: 'x',
      'Transfer-Encoding': 'chunked',
      Upgrade: 'h2c',
      'Proxy-Authorization': 'secret',
      'Proxy-Connection': 'close',
      Authorization: 'Bearer secret',
      Cookie: 'secret',
      'X-Forwarded-For': 'secret',
      'x-forwarded-host': 'secret',
      Forwarded: 'for=secret',
      'X-Real-IP': 'secret',
      'Errand-Webhook': 'https://secret.example/',
      Host: 'evil',
      'Content-Length': '7',
      Expect: '100-continue',
    }
    const idle = { touch() {} } as never
    const request = { ...GET, headers: [...Object.entries(dropped).flat(), ...kept] }
    await streamExchange(connections, request, new TestSink(), idle, {} as never, new Cancellation())
    assert.equal(
      server.requests[0],
      'GET / HTTP/1.1\r\nhost: task\r\nconnection: keep-alive\r\nx-kept: yes\r\nOrigin: http://a\r\n\r\n',
    )
    await connections.destroy()
  })

  test('without a length goes in chunks, one with a length as it is', async () => {
    const lengths: (string | undefined)[] = []
    await using bench = await StreamBench.open((request, response) => {
      lengths.push(request.headers['content-length'], request.headers['transfer-encoding'])
      void buffer(request).then(({ length }) => response.end(String(length)))
    })
    for (const bytes of [undefined, 300_000]) {
      const sink = new TestSink()
      await bench.send({ ...GET, method: 'POST', body: { source: new Source(300_000), bytes } }, sink)
      assert.equal(sink.text, '300000')
    }
    assert.deepEqual(lengths, [undefined, 'chunked', '300000', undefined])
  })

  test('is read no faster than its task reads it', async () => {
    let request: IncomingMessage | undefined
    await using bench = await StreamBench.open((asked, response) => {
      request = asked
      asked.on('end', () => response.end('read'))
    })
    const source = new Source(100 * MIB)
    const sink = new TestSink()
    const sent = bench.send({ ...GET, method: 'PUT', body: { source, bytes: 100 * MIB } }, sink)
    await until(() => request !== undefined)
    const taken = await settledAt(() => source.made)
    assert.ok(taken < 20 * MIB, `${taken} bytes`)
    request?.resume()
    await sent
    assert.deepEqual([source.made, sink.text], [100 * MIB, 'read'])
  })

  test('that its caller breaks off is broken off for its task', async () => {
    const broken = Promise.withResolvers<void>()
    await using bench = await StreamBench.open((request) => {
      request.on('error', () => broken.resolve())
      request.resume()
    })
    const source = new PassThrough()
    source.write('half')
    const sent = bench.send({ ...GET, method: 'POST', body: { source, bytes: 100 } }, new TestSink())
    const refused = assert.rejects(sent, coded('cancelled'))
    await once(bench.server, 'request')
    source.destroy()
    await Promise.all([refused, broken.promise])
  })

  test('that is cancelled is broken off at once, in the midst of its answer too', async () => {
    const closed = Promise.withResolvers<void>()
    await using bench = await StreamBench.open((_request, response) => {
      response.once('close', () => closed.resolve())
      response.write('half')
    })
    const cancellation = new Cancellation()
    const sink = new TestSink()
    const sent = bench.send(GET, sink, cancellation)
    await until(() => sink.bytes > 0)
    const left = new ErrandError('cancelled', 'left')
    cancellation.cancel(left)
    await assert.rejects(sent, left)
    await closed.promise
    assert.equal(sink.trailers, undefined)
  })

  test('is answered although its task reads no more of it, and its caller is not cut off', async () => {
    await using bench = await StreamBench.open((_request, response) => {
      response.writeHead(413, { connection: 'close' }).end('too much')
    })
    const source = new PassThrough()
    source.write('x'.repeat(100_000))
    const sink = new TestSink()
    await bench.send({ ...GET, method: 'POST', body: { source, bytes: 100 * MIB } }, sink)
    assert.deepEqual([sink.status, sink.text, sink.trailers, source.destroyed], [413, 'too much', [], false])
  })

  test('may go on while it is being answered', async () => {
    await using bench = await StreamBench.open((request, response) => void request.pipe(response))
    const source = new PassThrough()
    const sink = new TestSink()
    const sent = bench.send({ ...GET, method: 'POST', body: { source, bytes: undefined } }, sink)
    for (const word of ['one', 'two', 'three']) {
      source.write(word)
      await until(() => sink.text.endsWith(word))
    }
    source.end()
    await sent
    assert.equal(sink.text, 'onetwothree')
  })

  test('that finds no connection was not sent, and its body is still whole', async () => {
    await using bench = await StreamBench.open((request, response) => void request.pipe(response))
    const gone = await RawServer.open()
    const nowhere = openConnections(gone.endpoint)
    await gone[Symbol.asyncDispose]()
    const source = Readable.from([Buffer.from('whole')], { objectMode: false })
    const request = { ...GET, method: 'POST', body: { source, bytes: 5 } }
    const idle = { touch() {} } as never
    const outcome = await streamExchange(nowhere, request, new TestSink(), idle, {} as never, new Cancellation())
    assert.ok('unsent' in outcome)
    const sink = new TestSink()
    await bench.send(request, sink)
    assert.equal(sink.text, 'whole')
    await nowhere.destroy()
  })
})
