import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { Cancellation } from '../core/cancellation.ts'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { ExchangeBench, POST } from './exchange-bench.fixture.ts'
import { ok } from './raw-server.fixture.ts'

const options = { timeout: 30_000 }

describe('a cancelled request', options, () => {
  const reason = new ErrandError('cancelled', 'left')

  test('is rejected with the reason, and its connection is cut', async () => {
    await using bench = await ExchangeBench.open(() => {})
    const cancellation = new Cancellation()
    const sent = assert.rejects(bench.send(POST, cancellation), reason)
    while (bench.server.requests.length === 0) await settle()
    const [socket] = bench.server.sockets
    assert.ok(socket)
    cancellation.cancel(reason)
    await sent
    if (!socket.closed) await once(socket, 'close')
  })

  test('in the midst of its answer is rejected with the reason', async () => {
    await using bench = await ExchangeBench.open('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
    const cancellation = new Cancellation()
    const sent = assert.rejects(bench.send(POST, cancellation), reason)
    while (bench.clock.pendingTimers === 0) await settle()
    cancellation.cancel(reason)
    await sent
  })

  test('is rejected before it has a connection, and never arrives', async () => {
    await using bench = await ExchangeBench.open(ok('answer'))
    const cancellation = new Cancellation()
    const sent = assert.rejects(bench.send(POST, cancellation), reason)
    cancellation.cancel(reason)
    await sent
    assert.equal(await bench.text(), 'answer')
    assert.equal(bench.server.requests.length, 1)
  })

  test('that has its answer already keeps it', async () => {
    await using bench = await ExchangeBench.open(ok('answer'))
    const cancellation = new Cancellation()
    const { body } = await bench.send(POST, cancellation)
    cancellation.cancel(reason)
    assert.equal(String(body), 'answer')
    await settle()
    assert.equal(await bench.text(), 'answer')
    assert.equal(bench.server.sockets.length, 1)
  })
})
