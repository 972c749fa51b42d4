import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { FakeServe, serveTask, type TaskServer } from '../support/fake-serve.ts'
import { scale } from '../support/scale.ts'

// Callers that ask for much and do not take it. Time-outs by the clock are tested in src/http/outbox.test.ts.

const LARGE = 10_000_000
const BIG = JSON.stringify({ id: 'task', input: 'big' })
const SMALL = JSON.stringify({ id: 'task', input: 'small' })
const options = { timeout: 240_000 }

/** A task that answers `big` with 10 MB. */
function serveBig(): Promise<TaskServer> {
  const large = Buffer.alloc(LARGE, 'x')
  return serveTask((request, response) => {
    request.once('data', (input: Buffer) => response.end(String(input) === 'big' ? large : 'small'))
  })
}

/** A caller that asks for 10 MB, reads a first piece, and then as much as `reads` says. */
function lazy(port: number, index: number, reads: (connection: RawConnection) => void): RawConnection {
  const connection = new RawConnection(port, `127.0.0.${2 + (index % 4)}`)
  connection.write('POST / HTTP/1.1', 'Host: localhost', `Content-Length: ${BIG.length}`, '', BIG)
  connection.socket.once('data', () => {
    connection.socket.pause()
    reads(connection)
  })
  return connection
}

async function assertSmallAnswers(port: number, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const { text } = await ask(port, { body: SMALL })
    assert.deepEqual(JSON.parse(text), { success: true, msg: 'small' })
  }
}

test('callers that ask for 10 MB and read nothing hold bounded memory, and others are answered', options, async (t) => {
  await using task = await serveBig()
  await using daemon = await FakeServe.open({ tasks: { task: task.port } })
  const whole = '{"success":true,"msg":""}'.length + LARGE
  assert.equal((await ask(daemon.port, { body: BIG })).text.length, whole)
  const count = scale(20, 60)
  const callers = Array.from({ length: count }, (_, index) => lazy(daemon.port, index, () => {}))
  await Promise.race(callers.map((caller) => caller.until('HTTP/1.1 200')))
  await assertSmallAnswers(daemon.port, 50)
  t.diagnostic(`${count} callers that read nothing: ${await daemon.describe()}`)

  // It has to wait until some of them have been cut off for its sake.
  assert.equal((await ask(daemon.port, { body: BIG })).text.length, whole)
  t.diagnostic(`after a large answer beside them: ${await daemon.describe()}`)
  await daemon.assertBounded()
  for (const caller of callers) caller.socket.destroy()
  await assertSmallAnswers(daemon.port, 5)
})

test('a caller that reads 10 MB at its own pace gets all of it, also when memory is short', options, async () => {
  await using task = await serveBig()
  await using daemon = await FakeServe.open({ tasks: { task: task.port } })
  const steady = lazy(daemon.port, 0, (connection) => {
    const timer = setInterval(() => {
      connection.socket.resume()
      connection.socket.once('data', () => connection.socket.pause())
      if (connection.socket.destroyed) clearInterval(timer)
    }, 20)
  })
  const greedy = Array.from({ length: 6 }, (_, index) => lazy(daemon.port, 1 + index, () => {}))
  // The end of the last chunk.
  await steady.until('\r\n0\r\n\r\n')
  for (const caller of [steady, ...greedy]) caller.socket.destroy()
})
