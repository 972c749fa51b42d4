import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { ok, RawServer } from '../../src/forward/raw-server.fixture.ts'
import { exchange } from '../../src/http/wire-kit.fixture.ts'
import { framed, RawSink, statusOf } from '../support/raw-sink.ts'

// What a caller can do to the request that a task gets: nothing but choose its body.

const HELLO = JSON.stringify({ id: 'sink', input: 'hello' })

/** One whole request, and the end of its connection. */
function raw(target: string, headers: readonly string[], body = HELLO): string {
  const head = [`POST ${target} HTTP/1.1`, 'Host: localhost', `Content-Length: ${Buffer.byteLength(body)}`]
  return [...head, 'Connection: close', ...headers, '', body].join('\r\n')
}

describe('what reaches a task', { timeout: 120_000 }, () => {
  let sink: RawSink
  let evil: RawServer
  before(async () => {
    evil = await RawServer.open(ok('evil'))
    sink = await RawSink.open()
  })
  afterEach(() => sink.node.assertInvariants())
  after(async () => {
    await sink[Symbol.asyncDispose]()
    assert.deepEqual(evil.sockets, [], 'nobody ever called the place that callers pointed at')
    await evil[Symbol.asyncDispose]()
  })

  test('A30: an id that names another place, or breaks out of a line, reaches nobody', async () => {
    const { port: evilPort } = evil.endpoint
    const ids = [
      `http://127.0.0.1:${evilPort}/`,
      `https://127.0.0.1:${evilPort}/sink`,
      `//127.0.0.1:${evilPort}/sink`,
      `sink@127.0.0.1:${evilPort}`,
      `user:pass@127.0.0.1:${evilPort}/sink`,
      `127.0.0.1:${evilPort}`,
      `sink\r\nHost: 127.0.0.1:${evilPort}`,
      `sink HTTP/1.1\r\nHost: evil\r\n\r\nGET /`,
      'sink\n',
      'sink\u0000',
      'sink\u2028',
      '../sink',
      './sink',
      '/sink',
      'sink/..',
      'sink/../sink',
      '%2e%2e/sink',
      'sink%0d%0aHost:evil',
      'sink?x=1',
      'sink#fragment',
      'sink\\..\\sink',
      'SINK',
      ' sink',
      'sink ',
      '',
      'unix:/var/run/docker.sock',
      'file:///etc/passwd',
      '--privileged',
      '-v/:/host',
      'sink:latest:latest',
      'sink@sha256:0',
      `sha256:${'g'.repeat(64)}`,
      'a'.repeat(5000),
      '$' + '{sink}',
      '`sink`',
      '*',
    ]
    const requests = await sink.received(async () => {
      for (const id of ids) {
        const { success, code } = await sink.node.execute({ id, input: 'x' })
        assert.equal(success, false, id)
        assert.ok(code === 'validation_failed' || code === 'image_not_found', `${JSON.stringify(id)}: ${code}`)
      }
    })
    assert.deepEqual(requests, [])
  })

  test('A30: an input is a body to the byte, whatever it looks like', async () => {
    const inputs = [
      '',
      '\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: evil\r\n\r\n',
      '0\r\n\r\nPOST /stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
      '"}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'SGXRAREQUEST',
      'http://169.254.169.254/latest/meta-data',
      '../../etc/passwd',
      '\u0000\u0001\u007f\u0080',
      'üñî\u{1f600}\u2028',
      '{"__proto__":{"path":"/evil"},"url":"http://evil"}',
      `${'['.repeat(1000)}`,
      ' \t',
    ]
    const requests = await sink.received(async () => {
      for (const input of inputs) {
        const answer = await sink.node.execute({ id: 'sink', input })
        assert.deepEqual([answer.success, answer.msg], [true, 'taken'], input)
      }
    })
    assert.deepEqual(requests, inputs.map(framed))
  })

  test('A30: the path of the call never becomes the path of the task', async () => {
    const { port: evilPort } = evil.endpoint
    const refused = [
      `http://127.0.0.1:${evilPort}/`,
      'http://localhost/',
      `//127.0.0.1:${evilPort}/`,
      `/@127.0.0.1:${evilPort}/`,
      '/run',
      '/ra',
      '/../',
      '/./',
      '/%2e%2e/',
      '/%2f',
      '/;/',
      '/\\evil',
      '/%0d%0aHost:%20evil',
      '/%00',
      '*',
      'evil',
      '@evil/',
      '/stats/..',
    ]
    for (const target of refused) {
      const requests = await sink.received(async () => {
        const status = statusOf(await exchange(sink.port, raw(target, [])))
        assert.ok(status === 400 || status === 404, `${target}: ${status}`)
      })
      assert.deepEqual(requests, [], target)
    }
    const taken = ['/', '/?path=/evil', '/?http://evil', '/?a=b&host=evil%0d%0aX:1', '/?/../../']
    for (const target of taken) {
      const requests = await sink.received(async () => {
        assert.equal(statusOf(await exchange(sink.port, raw(target, []))), 200, target)
      })
      assert.deepEqual(requests, [framed('hello')], target)
    }
  })

  test("A30: none of a caller's headers reaches the task", async () => {
    const headers = [
      'Authorization: Bearer canary',
      'Proxy-Authorization: Basic canary',
      'Cookie: session=canary',
      'X-Forwarded-For: 10.0.0.1',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 1',
      'X-Real-IP: 10.0.0.1',
      'Forwarded: for=10.0.0.1;host=evil',
      'Via: 1.1 evil',
      'Upgrade: websocket',
      'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
      'Expect: 100-continue',
      'Keep-Alive: timeout=1000',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'Trailer: X-Canary',
      'Range: bytes=0-1',
      'If-None-Match: "canary"',
      'Accept-Encoding: gzip',
      'User-Agent: canary',
      'Referer: http://evil/',
      'X-HTTP-Method-Override: DELETE',
      'X-Original-URL: /evil',
      'X-Rewrite-URL: /evil',
      'Content-Type: text/html',
      'traceparent: 00-canary',
      'X-Canary: canary',
      `X-Long: ${'x'.repeat(8000)}`,
      'Host-: evil',
      'Content-Length2: 5',
    ]
    const requests = await sink.received(async () => {
      for (const header of headers) {
        const connection = header.startsWith('Upgrade') ? ['Connection: upgrade'] : []
        const answer = await exchange(sink.port, raw('/', [header, ...connection]))
        assert.match(answer, /"success":true,"msg":"taken"/, header)
      }
    })
    assert.deepEqual(
      requests,
      headers.map(() => framed('hello')),
    )
  })
})
