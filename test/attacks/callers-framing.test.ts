import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { exchange, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { ambiguousRequests } from '../support/framing-corpus.ts'
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
    for (const request of ambiguousRequests('/', HELLO)) {
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
