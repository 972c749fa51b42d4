import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { MIB } from '../../src/core/resources.ts'
import { ok, type RawAnswer, RawServer } from '../../src/forward/raw-server.fixture.ts'
import { flood } from '../support/bad-answers.ts'
import { RawTasks } from '../support/raw-tasks.ts'
import { scale } from '../support/scale.ts'

const options = { timeout: 300_000 }
const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`
const chunk = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

/** How much more memory this process, daemon and task in one, has than before. */
function memoryGrowth(): () => number {
  const before = process.memoryUsage.rss()
  return () => process.memoryUsage.rss() - before
}

async function closed(socket: Socket | undefined): Promise<void> {
  assert.ok(socket)
  if (!socket.closed) await once(socket, 'close')
}

const ENDLESS: Readonly<Record<string, RawAnswer>> = {
  'never answers': () => {},
  'sends half a head': 'HTTP/1.1 200 OK\r\ncontent-',
  'sends a head and no body': `${OK}content-length: 5\r\n\r\n`,
  'sends empty lines without end': flood('\r\n'),
  'sends one chunk extension without end': flood('x', `${CHUNKED}5;`),
  'sends a byte each turn': (socket: Socket) => {
    const drip = (): void => {
      if (!socket.destroyed) socket.write('x', () => setImmediate(drip))
    }
    socket.write(`${OK}content-length: 10000000\r\n\r\n`, drip)
  },
}

describe('a task that never comes to an end', options, () => {
  for (const [what, answer] of Object.entries(ENDLESS)) {
    test(`F60: a task that ${what} is given up at the deadline, and its connection is cut`, async () => {
      await using tasks = await RawTasks.open(['tasks.requestTimeoutMs=500'])
      const server = await tasks.serve('endless:1', answer, ok('own'))
      const { code, msg } = await tasks.ask('endless:1')
      assert.equal(code, 'deadline_exceeded')
      assert.match(msg, /500 ms/)
      await closed(server.sockets.at(-1))
      assert.equal((await tasks.ask('endless:1')).msg, 'own')
      await tasks.assertEmpties()
    })
  }
})

describe('a task that answers without measure', options, () => {
  test('F60: a body of 10 GB is refused by its announcement, before it comes', async () => {
    await using tasks = await RawTasks.open()
    const server = await tasks.serve('huge:1', `${OK}content-length: 10000000000\r\n\r\n`, ok('own'))
    const { code, details } = await tasks.ask('huge:1')
    assert.deepEqual([code, details], ['response_too_large', { maxResponseBytes: 16 * MIB }])
    await closed(server.sockets.at(-1))
    assert.equal((await tasks.ask('huge:1')).msg, 'own')
  })

  for (const [what, head, block] of [
    ['in chunks', CHUNKED, chunk(Buffer.alloc(65_536, 'x'))],
    ['until its connection ends', `${OK}\r\n`, Buffer.alloc(65_536, 'x')],
  ] as const) {
    test(`F60: a body without end, ${what}, is cut at maxResponseBytes and costs no more memory than that`, async () => {
      await using tasks = await RawTasks.open()
      const server = await tasks.serve('flood:1', flood(block, head))
      const growth = memoryGrowth()
      const rounds = scale(5, 50)
      for (let round = 0; round < rounds; round += 1) {
        assert.equal((await tasks.ask('flood:1')).code, 'response_too_large')
        await closed(server.sockets.at(-1))
      }
      const sent = server.sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0)
      assert.ok(sent < rounds * 40 * MIB, `${sent} bytes were read`)
      assert.ok(growth() < 250 * MIB, `grew by ${growth()} bytes`)
      // An instance that answers too much is not broken.
      assert.equal(tasks.engine.calls.create, 1)
    })
  }

  test('F60: a body in chunks of one byte costs its own size, not an object for every byte', async () => {
    await using tasks = await RawTasks.open(['tasks.maxResponseBytes=2MiB'])
    await tasks.serve('crumbs:1', flood(chunk(Buffer.from('x')), CHUNKED))
    const growth = memoryGrowth()
    assert.equal((await tasks.ask('crumbs:1')).code, 'response_too_large')
    assert.ok(growth() < 100 * MIB, `grew by ${growth()} bytes`)
  })

  test('F62: a compressed answer is passed on as it is, however much it would become', async () => {
    await using tasks = await RawTasks.open()
    const bomb = gzipSync(Buffer.alloc(64 * MIB))
    const head = `${OK}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`
    await tasks.serve('bomb:1', Buffer.concat([Buffer.from(head), bomb]))
    const growth = memoryGrowth()
    const { success, msg } = await tasks.ask('bomb:1')
    assert.deepEqual([success, msg], [true, bomb.toString('utf8')])
    assert.ok(growth() < 64 * MIB, `grew by ${growth()} bytes`)
  })
})

describe('a task that answers with a status of its own', options, () => {
  for (const status of ['500 Oops', '404 Not Found', '503 Later\r\nretry-after: 1', '400 No', '999 Beyond']) {
    const code = Number(status.slice(0, 3))
    test(`F61: ${code} is shown as the task's, not as a failure of the node and not as a success`, async () => {
      await using tasks = await RawTasks.open()
      const server = await tasks.serve('status:1', ok('its own words', status))
      for (let round = 0; round < 4; round += 1) {
        assert.deepEqual(await tasks.ask('status:1'), { success: false, msg: 'its own words', status: code })
      }
      assert.deepEqual([server.requests.length, tasks.engine.calls.create], [4, 1])
    })
  }

  test('F62: a redirect is shown to the caller and never followed', async () => {
    await using elsewhere = await RawServer.open(ok('secret'))
    const { host, port } = elsewhere.endpoint
    await using tasks = await RawTasks.open()
    for (const status of ['301', '302', '303', '307', '308']) {
      const location = `location: http://${host}:${port}/`
      await tasks.serve(`redirect:${status}`, ok('over there', `${status} Elsewhere\r\n${location}`))
      const answer = await tasks.ask(`redirect:${status}`)
      assert.deepEqual(answer, { success: false, msg: 'over there', status: Number(status) })
    }
    assert.equal(elsewhere.sockets.length, 0)
  })
})
