import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { ok, RawServer } from '../../src/forward/raw-server.fixture.ts'
import { exchange, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'

// What a caller can do to the request that a task gets: nothing but choose its body.

const HELLO = JSON.stringify({ id: 'sink', input: 'hello' })

/** The request as a task must get it, to the byte. */
function framed(input: string): string {
  const head = ['POST / HTTP/1.1', 'host: task', 'connection: keep-alive', 'content-type: application/json']
  return [...head, `content-length: ${Buffer.byteLength(input)}`, '', input].join('\r\n')
}

/** One whole request, and the end of its connection. */
function raw(target: string, headers: readonly string[], body = HELLO): string {
  const head = [`POST ${target} HTTP/1.1`, 'Host: localhost', `Content-Length: ${Buffer.byteLength(body)}`]
  return [...head, 'Connection: close', ...headers, '', body].join('\r\n')
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
}

describe('what reaches a task', { timeout: 120_000 }, () => {
  let sink: RawServer
  let evil: RawServer
  let node: TestDaemon
  let port: number

  before(async () => {
    sink = await RawServer.open(ok('taken'))
    evil = await RawServer.open(ok('evil'))
    const images = { sink: { endpoint: sink.endpoint, mark: 'meca-init-done' } }
    node = await startDaemon([], { openEngine: async () => new FakeEngine({ images }) })
    port = Number(new URL(node.url).port)
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
    await sink[Symbol.asyncDispose]()
    assert.deepEqual(evil.sockets, [], 'nobody ever called the place that callers pointed at')
    await evil[Symbol.asyncDispose]()
  })

  /** The requests that the task got while `work` ran. */
  async function received(work: () => Promise<unknown>): Promise<string[]> {
    const before = sink.requests.length
    await work()
    return sink.requests.slice(before)
  }

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
    const requests = await received(async () => {
      for (const id of ids) {
        const { success, code } = await node.execute({ id, input: 'x' })
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
    const requests = await received(async () => {
      for (const input of inputs) {
        const answer = await node.execute({ id: 'sink', input })
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
      const requests = await received(async () => {
        const status = statusOf(await exchange(port, raw(target, [])))
        assert.ok(status === 400 || status === 404, `${target}: ${status}`)
      })
      assert.deepEqual(requests, [], target)
    }
    const taken = ['/', '/?path=/evil', '/?http://evil', '/?a=b&host=evil%0d%0aX:1', '/?/../../']
    for (const target of taken) {
      const requests = await received(async () => {
        assert.equal(statusOf(await exchange(port, raw(target, []))), 200, target)
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
    const requests = await received(async () => {
      for (const header of headers) {
        const connection = header.startsWith('Upgrade') ? ['Connection: upgrade'] : []
        const answer = await exchange(port, raw('/', [header, ...connection]))
        assert.match(answer, /"success":true,"msg":"taken"/, header)
      }
    })
    assert.deepEqual(
      requests,
      headers.map(() => framed('hello')),
    )
  })

  test('A47: a request that two servers could read differently reaches no task', async () => {
    const head = ['POST / HTTP/1.1', 'Host: localhost']
    const length = `Content-Length: ${HELLO.length}`
    const chunked = `${HELLO.length.toString(16)}\r\n${HELLO}\r\n0\r\n\r\n`
    const corpus: readonly string[][] = [
      [...head, length, 'Transfer-Encoding: chunked', '', chunked],
      [...head, 'Transfer-Encoding: chunked', length, '', chunked],
      [...head, 'Content-Length: 5', length, '', HELLO],
      [...head, length, length, '', HELLO],
      [...head, `Content-Length: ${HELLO.length}, ${HELLO.length}`, '', HELLO],
      [...head, `Content-Length: +${HELLO.length}`, '', HELLO],
      [...head, `Content-Length: -${HELLO.length}`, '', HELLO],
      [...head, `Content-Length: 0x${HELLO.length.toString(16)}`, '', HELLO],
      [...head, 'Content-Length: 99999999999999999999', '', HELLO],
      [...head, 'Content-Length:', '', HELLO],
      [...head, `Content-Length : ${HELLO.length}`, '', HELLO],
      [...head, `Content-Length\t: ${HELLO.length}`, '', HELLO],
      [...head, 'Transfer-Encoding : chunked', '', chunked],
      [...head, 'Transfer-Encoding: xchunked', '', chunked],
      [...head, 'Transfer-Encoding: chunked, identity', '', chunked],
      [...head, 'Transfer-Encoding: identity', '', HELLO],
      [...head, 'Transfer-Encoding: gzip, chunked', 'Connection: close', '', chunked],
      [...head, 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity', '', chunked],
      [...head, 'Transfer-Encoding:\u000bchunked', '', chunked],
      [...head, 'X: a', ' Transfer-Encoding: chunked', length, '', HELLO],
      [...head, ` ${length}`, '', HELLO],
      [...head, 'X: a\rContent-Length: 0', length, '', HELLO],
      [...head, 'X: a\u0000b', length, '', HELLO],
      [...head, 'X\u0000: a', length, '', HELLO],
      [...head, ': a', length, '', HELLO],
      [`POST / HTTP/1.1\nHost: localhost\n${length}\n\n${HELLO}`],
      ['POST / HTTP/1.1', 'Host: localhost', 'Host: evil', length, 'Connection: close', '', HELLO],
      ['POST / HTTP/1.1', length, 'Connection: close', '', HELLO],
      ['POST http://localhost/ HTTP/1.1', 'Host: localhost', length, 'Connection: close', '', HELLO],
      ['POST /\tHTTP/1.1', 'Host: localhost', length, '', HELLO],
      ['POST / HTTP/1.1 ', 'Host: localhost', length, '', HELLO],
      ['POST / HTTP/9.9', 'Host: localhost', length, '', HELLO],
      ['POST / http/1.1', 'Host: localhost', length, '', HELLO],
      ['PRI * HTTP/2.0', '', 'SM', '', ''],
      ['CONNECT localhost:2591 HTTP/1.1', 'Host: localhost', '', ''],
      [...head, 'Transfer-Encoding: chunked', '', `${HELLO.length.toString(16)} \r\n${HELLO}\r\n0\r\n\r\n`],
      [...head, 'Transfer-Encoding: chunked', '', `0x16\r\n${HELLO}\r\n0\r\n\r\n`],
      [...head, 'Transfer-Encoding: chunked', '', `-16\r\n${HELLO}\r\n0\r\n\r\n`],
      [...head, 'Transfer-Encoding: chunked', '', `${HELLO.length.toString(16)}\n${HELLO}\n0\n\n`],
      [...head, 'Transfer-Encoding: chunked', '', `fffffffffffffffff\r\n${HELLO}`],
      [
        ...head,
        'Transfer-Encoding: chunked',
        '',
        `${HELLO.length.toString(16)}\r\n${HELLO}\r\n0\r\nContent-Length: 5\r\n\r\n`,
      ],
      [...head, 'Transfer-Encoding: chunked', '', `${(HELLO.length - 1).toString(16)}\r\n${HELLO}\r\n0\r\n\r\n`],
    ]
    for (const request of corpus) {
      const shown = JSON.stringify(request.join(' | '))
      const requests = await received(async () => {
        const answer = await exchange(port, ...request)
        assert.ok([400, 404, 413, 415].includes(statusOf(answer)) || answer === '', `${shown}: ${answer.slice(0, 200)}`)
      })
      assert.deepEqual(requests, [], shown)
    }
  })

  test('A47: bodies framed in odd but lawful ways reach the task in one way', async () => {
    const head = ['POST / HTTP/1.1', 'Host: localhost', 'Connection: close']
    const bytes = HELLO.split('').map((byte) => `1\r\n${byte}\r\n`)
    const hex = HELLO.length.toString(16)
    const corpus: readonly string[][] = [
      [...head, 'Transfer-Encoding: chunked', '', `${bytes.join('')}0\r\n\r\n`],
      [...head, 'tRANSFER-eNCODING: Chunked', '', `${hex.toUpperCase()}\r\n${HELLO}\r\n0\r\n\r\n`],
      [...head, 'Transfer-Encoding:   chunked   ', '', `000${hex}\r\n${HELLO}\r\n000\r\n\r\n`],
      [...head, 'Transfer-Encoding: chunked', '', `${hex};ext="a;b\\"c"\r\n${HELLO}\r\n0;last\r\n\r\n`],
      [
        ...head,
        'Transfer-Encoding: chunked',
        'Trailer: X-Canary',
        '',
        `${hex}\r\n${HELLO}\r\n0\r\nX-Canary: 1\r\n\r\n`,
      ],
      [...head, `Content-Length: 000${HELLO.length}`, '', HELLO],
      ['', '', ...head, `Content-Length: ${HELLO.length}`, '', HELLO],
      ['POST  / HTTP/1.1', 'Host: localhost', 'Connection: close', `Content-Length: ${HELLO.length}`, '', HELLO],
      ['POST / HTTP/1.0', 'Host: localhost', `Content-Length: ${HELLO.length}`, '', HELLO],
    ]
    for (const request of corpus) {
      const shown = JSON.stringify(request.join(' | '))
      const requests = await received(async () => {
        assert.match(await exchange(port, ...request), /"success":true,"msg":"taken"/, shown)
      })
      assert.deepEqual(requests, [framed('hello')], shown)
    }
  })

  test('A47: requests sent in one breath are requests of their own, each with its own body', async () => {
    const request = (input: string): string => {
      const body = JSON.stringify({ id: 'sink', input })
      return `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    }
    const inputs = ['first', 'GET /smuggled HTTP/1.1\r\n\r\n', 'third']
    const requests = await received(async () => {
      using connection = new RawConnection(port)
      connection.write(inputs.map(request).join(''))
      let text = ''
      while (text.split('"success":true').length <= inputs.length) {
        await connection.next()
        text = await connection.until('HTTP')
      }
    })
    assert.deepEqual(requests.toSorted(), inputs.map(framed).toSorted())
  })
})
