import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Cancellation } from '../core/cancellation.ts'
import { ErrandError } from '../core/errors.ts'
import { coded, ExchangeBench, POST } from './exchange-bench.fixture.ts'
import { ok } from './raw-server.fixture.ts'

const SIZE = 300_000
const MINUTE_MS = 60_000

/** A server whose every answer is large, and the node's memory for them in the test's hands. */
async function openBench(): Promise<ExchangeBench> {
  const bench = await ExchangeBench.open(ok('x'.repeat(SIZE)))
  bench.maxResponseBytes = SIZE
  return bench
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn()
}

test('a large answer holds memory while it is gathered, a small one none', async () => {
  await using bench = await openBench()
  bench.memory.take(bench.memory.limitBytes - SIZE)
  assert.equal((await bench.send()).body.length, SIZE)
  assert.equal(bench.memory.usedBytes, bench.memory.limitBytes - SIZE)

  await using small = await ExchangeBench.open(ok('small'))
  small.memory.take(small.memory.limitBytes)
  assert.equal(await small.text(), 'small')
})

test('a large answer waits for memory, for as long as it takes, and is whole in the end', async () => {
  await using bench = await openBench()
  bench.memory.take(bench.memory.limitBytes)
  const answer = bench.send()
  await until(() => bench.memory.isShort)
  // Its server is not slow: it is not listened to.
  await bench.clock.advance(5 * MINUTE_MS)
  bench.memory.giveBack(bench.memory.limitBytes)
  const { body, pieces } = await answer
  assert.equal(body.toString(), 'x'.repeat(SIZE))
  assert.ok(pieces.length > 1 && Buffer.concat(pieces).equals(body))
  assert.equal(bench.memory.usedBytes, 0)
})

test('large answers wait in line, and those that leave it take nothing along', async () => {
  await using bench = await openBench()
  bench.memory.take(bench.memory.limitBytes)
  const leaving = new Cancellation()
  const left = assert.rejects(bench.send(POST, leaving), coded('cancelled'))
  await until(() => bench.memory.isShort)
  const stays = bench.send()
  leaving.cancel(new ErrandError('cancelled', 'left'))
  await left
  bench.memory.giveBack(bench.memory.limitBytes)
  assert.equal((await stays).body.length, SIZE)
  assert.equal(bench.memory.usedBytes, 0)
})

test('an answer that breaks off gives its memory back', async () => {
  await using bench = await ExchangeBench.open((socket) => {
    socket.end(ok('x'.repeat(SIZE)).slice(0, SIZE / 2))
  })
  bench.maxResponseBytes = SIZE
  await assert.rejects(bench.send(), coded('task_connection_closed'))
  assert.equal(bench.memory.usedBytes, 0)
})
