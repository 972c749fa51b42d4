import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../core/log.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { ByteBudget } from '../util/byte-budget.ts'
import { Outbox, type OutboxLimits } from './outbox.ts'
import { ask, fakeNode, RawConnection, type ServedFace, serveFace } from './wire-kit.fixture.ts'

const MB = 1_000_000
/** More than the kernel takes for a reader that reads nothing. */
const LARGE = 24 * MB
const HELLO = '{"id":"a","input":"x"}'
const REQUEST = ['POST / HTTP/1.1', 'Host: localhost', `Content-Length: ${HELLO.length}`, '', HELLO]

/** A node whose every answer is so large, on a face whose memory is in the test's hands. */
async function serveLarge(bytes: number, limits: Partial<OutboxLimits> & { readonly memoryBytes?: number } = {}) {
  const clock = new ManualClock()
  const memory = new ByteBudget(limits.memoryBytes ?? 10 * LARGE)
  const outbox = new Outbox(clock, silentLog, memory, limits)
  const node = fakeNode({ invoke: async () => ({ status: 200, body: Buffer.alloc(bytes, 'x') }) })
  const face = await serveFace({ node, outbox })
  return { clock, memory, face, [Symbol.asyncDispose]: () => face[Symbol.asyncDispose]() }
}

/** A caller that asks, sees that the answer begins, and reads no further. */
async function stubborn(face: ServedFace): Promise<RawConnection> {
  const connection = new RawConnection(face.port)
  connection.write(...REQUEST)
  await connection.until('HTTP/1.1 200')
  connection.socket.pause()
  return connection
}

/** Resolves once the server has cut the connection: cutting resets it. */
async function isCut(connection: RawConnection): Promise<void> {
  connection.socket.resume()
  await connection.untilClosed()
  assert.equal(connection.failure, 'ECONNRESET')
}

test('a reader that reads nothing is cut off when its time is over, and not before', async () => {
  await using served = await serveLarge(LARGE, { graceMs: 1000, leastBytesPerSecond: 10 * MB })
  const { clock, memory, face } = served
  using reader = await stubborn(face)
  const held = memory.usedBytes
  assert.ok(held > 10 * MB, `${held} bytes wait`)
  await clock.advance(1000 + (held / (10 * MB)) * 1000 - 100)
  assert.equal(memory.usedBytes, held)
  await clock.advance(1500)
  assert.equal(memory.usedBytes, 0)
  await isCut(reader)
  await clock.advance(1000)
  assert.equal(clock.pendingTimers, 0)
})

test('those who have waited longest are cut off when unread answers hold too much', async () => {
  await using served = await serveLarge(LARGE, { memoryBytes: 1.25 * LARGE })
  const { memory, face } = served
  const readers: RawConnection[] = []
  for (let index = 0; index < 5; index += 1) readers.push(await stubborn(face))
  assert.ok(memory.usedBytes <= 2.5 * LARGE, String(memory.usedBytes))
  for (const early of readers.slice(0, 2)) await isCut(early)
  const { text } = await ask(face.port, { body: HELLO })
  assert.equal(text.length, LARGE + '{"success":true,"msg":""}'.length, 'a good reader gets its answer')
  for (const reader of readers) reader.socket.destroy()
})

test('a reader that reads nothing is cut off sooner when others wait for memory', async () => {
  await using served = await serveLarge(LARGE, { graceMs: 60_000, graceWhenShortMs: 5000 })
  const { clock, memory, face } = served
  using reader = await stubborn(face)
  await clock.advance(10_000)
  const held = memory.usedBytes
  assert.ok(held > 10 * MB, 'nobody waits')
  const granted = Promise.withResolvers<void>()
  memory.wait(memory.limitBytes, () => granted.resolve())
  await clock.advance(1500)
  await isCut(reader)
  await granted.promise
  assert.equal(memory.usedBytes, memory.limitBytes)
})

test('one answer may be larger than all together should hold', async () => {
  await using served = await serveLarge(LARGE, { memoryBytes: 1000 })
  const { text } = await ask(served.face.port, { body: HELLO })
  assert.ok(text.length > LARGE)
})

test('an answer that was taken is forgotten, and a small one never noticed', async () => {
  await using served = await serveLarge(LARGE)
  await ask(served.face.port, { body: HELLO })
  await ask(served.face.port, { method: 'GET', path: '/health' })
  assert.equal(served.memory.usedBytes, 0)
  await served.clock.advance(1000)
  assert.equal(served.clock.pendingTimers, 0)
})

test('bodies that do not fit into memory are refused, and memory is free again when others are answered', async () => {
  const bodies = new ByteBudget(1000)
  const held = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const node = fakeNode({
    invoke: async () => {
      arrived.resolve()
      await held.promise
      return { status: 200, body: Buffer.alloc(0) }
    },
  })
  await using face = await serveFace({ node, bodies })
  const body = JSON.stringify({ id: 'a', input: 'x'.repeat(600) })
  const first = ask(face.port, { body })
  await arrived.promise
  const refused = JSON.parse((await ask(face.port, { body })).text)
  assert.deepEqual([refused.success, refused.code, refused.retryAfterMs], [false, 'queue_full', 1000])
  const control = JSON.parse((await ask(face.port, { path: '/update-config', body })).text)
  assert.equal(control.code, 'queue_full')
  held.resolve()
  assert.equal(JSON.parse((await first).text).success, true)
  assert.equal(JSON.parse((await ask(face.port, { body })).text).success, true)
  assert.equal(bodies.usedBytes, 0)
})

test('half a body holds memory only as long as its sender stays', async () => {
  const bodies = new ByteBudget(1000)
  await using face = await serveFace({ node: fakeNode(), bodies })
  using slow = new RawConnection(face.port)
  slow.write('POST / HTTP/1.1', 'Host: localhost', 'Content-Length: 900', '', 'x'.repeat(800))
  while (bodies.usedBytes < 800) await new Promise((resolve) => setImmediate(resolve))
  slow.socket.destroy()
  while (bodies.usedBytes > 0) await new Promise((resolve) => setImmediate(resolve))
})
