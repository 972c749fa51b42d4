import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { ok } from '../../src/forward/raw-server.fixture.ts'
import { RawTasks } from '../support/raw-tasks.ts'
import { scale } from '../support/scale.ts'

const options = { timeout: 120_000 }

type Write = (socket: Socket, answer: string) => void

const SURPLUS: Readonly<Record<string, Write>> = {
  'together with the right one': (socket, answer) => socket.write(answer + ok('stolen')),
  'just after the right one': (socket, answer) => socket.write(answer, () => socket.write(ok('stolen'))),
  'one turn after the right one': (socket, answer) => {
    socket.write(answer, () => setImmediate(() => socket.write(ok('stolen'))))
  },
}

describe('an answer that nobody asked for', options, () => {
  for (const [when, write] of Object.entries(SURPLUS)) {
    test(`F59: that comes ${when} is never given to the next request`, async () => {
      await using tasks = await RawTasks.open()
      const server = await tasks.serve('split:1', (socket) => {
        const [, input = ''] = server.requests.at(-1)?.split('\r\n\r\n') ?? []
        write(socket, ok(`for ${input}`))
      })
      for (let round = 0; round < scale(100, 5000); round += 1) {
        const { msg } = await tasks.ask('split:1', `round ${round}`)
        assert.equal(msg, `for round ${round}`)
      }
      await tasks.assertEmpties()
    })
  }

  test('F59: that comes while the connection is idle costs the connection, and nobody gets it', async () => {
    await using tasks = await RawTasks.open()
    const server = await tasks.serve('idle:1', ok('first'), ok('second'))
    assert.equal((await tasks.ask('idle:1')).msg, 'first')
    const socket = server.sockets.at(-1)
    assert.ok(socket)
    socket.write(ok('stolen'))
    await once(socket, 'close')
    assert.equal((await tasks.ask('idle:1')).msg, 'second')
  })

  test('F59: that comes before the request is the answer to that one alone', async () => {
    await using hasty = createServer((socket) => {
      socket.on('error', () => {})
      socket.resume()
      socket.write(ok('before you asked'))
    })
    hasty.listen(0, '127.0.0.1')
    await once(hasty, 'listening')
    await using tasks = await RawTasks.open(['tasks.requestTimeoutMs=1000'])
    tasks.add('hasty:1', { endpoint: { host: '127.0.0.1', port: (hasty.address() as AddressInfo).port } })
    assert.equal((await tasks.ask('hasty:1')).msg, 'before you asked')
    // The connection is kept, and nothing more comes on it.
    assert.equal((await tasks.ask('hasty:1')).code, 'deadline_exceeded')
    await tasks.assertEmpties()
  })
})
