import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { eventText, StreamAnswer } from './stream-answer.ts'

interface Exchange extends AsyncDisposable {
  readonly response: ServerResponse
  /** What the client has read so far; it reads nothing before it is asked. */
  text(): Promise<string>
}

/** One request whose answer is the test's to give, to a client that waits. */
async function openExchange(): Promise<Exchange> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const asked = once(server, 'request')
  const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false })
  request.on('error', () => {})
  const answered = once(request, 'response')
  answered.catch(() => {}) // some clients never get one
  const [, response] = await asked
  return {
    response,
    async text() {
      const [answer] = await answered
      let text = ''
      for await (const chunk of answer.setEncoding('utf8')) text += chunk
      return text
    },
    async [Symbol.asyncDispose]() {
      request.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const PIECE = Buffer.alloc(64 * 1024, 'x')

test('a piece is through when its reader may be given more: what waits is bounded', async () => {
  await using exchange = await openExchange()
  const controller = new AbortController()
  using answer = new StreamAnswer(exchange.response, new ManualClock(), controller.signal)
  answer.begin('text/plain')
  let written = 0
  const pumping = (async () => {
    for (;;) {
      await answer.write(PIECE)
      written += PIECE.length
    }
  })()
  // The kernel takes what it has room for, and then nothing.
  let before = -1
  while (before !== written || !exchange.response.writableNeedDrain) {
    before = written
    await new Promise(setImmediate)
  }
  assert.ok(exchange.response.writableLength <= 2 * PIECE.length)
  const left = new ErrandError('cancelled', 'the caller disconnected')
  controller.abort(left)
  await assert.rejects(pumping, left)
  assert.equal(exchange.response.listenerCount('drain'), 0)
})

test('a reader that takes nothing for a minute is given up', async () => {
  await using exchange = await openExchange()
  const clock = new ManualClock()
  using answer = new StreamAnswer(exchange.response, clock, new AbortController().signal)
  answer.begin('text/plain')
  const pumping = (async () => {
    for (;;) await answer.write(PIECE)
  })()
  const outcome = pumping.catch((error: unknown) => ErrandError.from(error).code)
  while (!exchange.response.writableNeedDrain) await new Promise(setImmediate)
  let code: string | undefined
  void outcome.then((found) => {
    code = found
  })
  while (code === undefined) {
    await clock.advance(60_000)
    await new Promise(setImmediate)
  }
  assert.equal(code, 'deadline_exceeded')
})

test('events are told apart by a heartbeat every 15 s, until there is nothing more to say', async () => {
  await using exchange = await openExchange()
  const clock = new ManualClock()
  using answer = new StreamAnswer(exchange.response, clock, new AbortController().signal)
  answer.beginEvents()
  await clock.advance(14_999)
  await answer.write(eventText('log', { a: '1\n2' }, 7))
  await clock.advance(1)
  await clock.advance(15_000)
  answer[Symbol.dispose]()
  await clock.advance(60_000)
  answer.end()
  assert.equal(await exchange.text(), 'id: 7\nevent: log\ndata: {"a":"1\\n2"}\n\n:\n\n:\n\n')
})
