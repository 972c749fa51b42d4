import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ok } from '../../src/forward/raw-server.fixture.ts'
import { RawTasks } from '../support/raw-tasks.ts'
import { scale } from '../support/scale.ts'

const options = { timeout: 300_000 }
const OK = 'HTTP/1.1 200 OK\r\n'
const LONG = `${OK}content-length: 100\r\n`
const CHUNKED = `${OK}transfer-encoding: chunked\r\n`

type End = (socket: Socket) => void

const ENDS: Readonly<Record<string, End>> = {
  closed: (socket) => socket.end(),
  reset: (socket) => setImmediate(() => socket.resetAndDestroy()),
}

const SILENT_CUTS: Readonly<Record<string, End>> = {
  'closes without an answer': (socket) => socket.end(),
  'resets without an answer': (socket) => socket.resetAndDestroy(),
  'closes in the head of its answer': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'),
}

const closing = (body: string): string => `${OK}connection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`

const CLOSING_REPLIES: Readonly<Record<string, End>> = {
  'says so, and closes': (socket) => socket.end(closing('fine')),
  'says so, and does not close': (socket) => socket.write(closing('fine')),
  'closes with its answer': (socket) => socket.end(ok('fine')),
  'closes just after its answer': (socket) => socket.write(ok('fine'), () => socket.end()),
  'is of HTTP/1.0': (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nfine'),
}

// Each waits for a moment for the news that its task has died.
describe('a task that cuts its connection', { ...options, concurrency: 8 }, () => {
  let tasks: RawTasks
  before(async () => {
    tasks = await RawTasks.open()
  })
  after(async () => {
    await tasks.assertEmpties()
    await tasks[Symbol.asyncDispose]()
  })

  for (const [how, cut] of Object.entries(SILENT_CUTS)) {
    test(`F56: a task that ${how} is answered for with task_connection_closed, and is not asked again`, async () => {
      const image = `cut:${how.replaceAll(' ', '-')}`
      const server = await tasks.serve(image, cut, ok('own'))
      const { code, retryAfterMs } = await tasks.ask(image)
      assert.deepEqual([code, retryAfterMs], ['task_connection_closed', undefined])
      assert.equal((await tasks.ask(image)).msg, 'own')
      assert.equal(server.requests.length, 2)
    })
  }

  const cuts = [
    ['in its body', `${LONG}\r\nhalf`],
    ['in its body, as it had announced', `${LONG}connection: close\r\n\r\nhalf`],
    ['before its body', `${LONG}\r\n`],
    ['in a chunk', `${CHUNKED}\r\n10\r\nhalf`],
    ['in a chunk, as it had announced', `${CHUNKED}connection: close\r\n\r\n10\r\nhalf`],
    ['between its chunks', `${CHUNKED}\r\n4\r\nhalf\r\n`],
    ['between its chunks, as it had announced', `${CHUNKED}connection: close\r\n\r\n4\r\nhalf\r\n`],
    ['in the size of a chunk', `${CHUNKED}\r\n4`],
    ['before the end of its trailers', `${CHUNKED}\r\n4\r\nhalf\r\n0\r\nx: y\r\n`],
  ] as const
  for (const [index, [where, bytes]] of cuts.entries()) {
    for (const [how, end] of Object.entries(ENDS)) {
      test(`F57: an answer ${how} ${where} is never taken for a whole one`, async () => {
        const image = `half:${index}-${how}`
        await tasks.serve(image, (socket) => void socket.write(bytes, () => end(socket)), ok('own'))
        const { success, code } = await tasks.ask(image)
        assert.deepEqual([success, code], [false, 'task_connection_closed'])
        assert.equal((await tasks.ask(image)).msg, 'own')
      })
    }
  }
})

describe('a task that keeps no connection', options, () => {
  for (const [how, reply] of Object.entries(CLOSING_REPLIES)) {
    const rounds = scale(100, 500)
    test(`F56: a task that ${how} answers ${rounds} requests one after the other, each once`, async () => {
      await using tasks = await RawTasks.open()
      const server = await tasks.serve('closing:1', reply)
      for (let round = 0; round < rounds; round += 1) {
        assert.deepEqual(await tasks.ask('closing:1', String(round)), { success: true, msg: 'fine' })
      }
      const inputs = server.requests.map((request) => request.split('\r\n\r\n')[1])
      assert.deepEqual(
        inputs,
        Array.from({ length: rounds }, (_, round) => String(round)),
      )
      await tasks.assertEmpties()
    })
  }

  for (const [how, end] of Object.entries(ENDS)) {
    test(`F56: a task whose idle connections are ${how} is asked on new ones`, async () => {
      await using tasks = await RawTasks.open()
      const server = await tasks.serve('idle:1', ok('fine'))
      for (let round = 0; round < 20; round += 1) {
        assert.equal((await tasks.ask('idle:1')).msg, 'fine')
        const socket = server.sockets.at(-1)
        assert.ok(socket)
        end(socket)
        await once(socket, 'close')
      }
      assert.equal(server.requests.length, 20)
    })
  }
})
