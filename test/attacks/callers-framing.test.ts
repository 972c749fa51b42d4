import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { exchange, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { framed, RawSink, statusOf } from '../support/raw-sink.ts'

// Where one request ends and the next begins must be clear to everybody who reads it.

const HELLO = JSON.stringify({ id: 'sink', input: 'hello' })

describe('the framing of requests', { timeout: 120_000 }, () => {
  let sink: RawSink
  before(async () => {
    sink = await RawSink.open()
  })
  afterEach(() => sink.node.assertInvariants())
  after(async () => sink[Symbol.asyncDispose]())

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
      const requests = await sink.received(async () => {
        const answer = await exchange(sink.port, ...request)
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
      const requests = await sink.received(async () => {
        assert.match(await exchange(sink.port, ...request), /"success":true,"msg":"taken"/, shown)
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
    const requests = await sink.received(async () => {
      using connection = new RawConnection(sink.port)
      connection.write(inputs.map(request).join(''))
      await connection.untilTimes('"success":true', inputs.length)
    })
    assert.deepEqual(requests.toSorted(), inputs.map(framed).toSorted())
  })
})
