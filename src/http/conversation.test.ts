import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskAnswer } from '../service/node-api.ts'
import { ask, fakeNode, RawConnection, serveFace } from './wire-kit.fixture.ts'

const HEALTH = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'

function statuses(answers: string): string[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1] ?? '')
}

function request(input: string): string {
  const body = JSON.stringify({ id: 'a', input })
  return `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

test('a connection is closed after its last request, which says so, and what follows is not served', async () => {
  const node = fakeNode()
  await using face = await serveFace({ node }, { maxRequestsPerConnection: 3 })
  using connection = new RawConnection(face.port)
  for (const input of ['1', '2', '3', '4']) {
    connection.write(request(input))
    if (input < '3') await connection.until(`"msg":"${input}"`)
  }
  const answers = await connection.untilClosed()
  assert.deepEqual(statuses(answers), ['200', '200', '200'])
  assert.deepEqual(answers.match(/connection: \S+/gi), [
    'Connection: keep-alive',
    'Connection: keep-alive',
    'Connection: close',
  ])
  assert.deepEqual(
    node.invocations.map(({ body }) => body),
    ['1', '2', '3'],
  )
})

test('requests pipelined above the bound are not served, those below it are answered in order', async () => {
  const answers: ((answer: TaskAnswer) => void)[] = []
  const full = Promise.withResolvers<void>()
  const node = fakeNode({
    invoke: ({ body }) =>
      new Promise((resolve) => {
        answers.push(() => resolve({ status: 200, body: Buffer.from(body) }))
        if (answers.length === 4) full.resolve()
      }),
  })
  await using face = await serveFace({ node }, { maxPipelined: 4 })
  using connection = new RawConnection(face.port)
  connection.write(Array.from({ length: 100 }, (_, index) => request(`${index}`)).join(''))
  await full.promise
  for (const answer of answers.toReversed()) answer({ status: 200, body: Buffer.alloc(0) })
  const text = await connection.untilClosed()
  assert.deepEqual(
    [...text.matchAll(/"msg":"(\d+)"/g)].map((match) => match[1]),
    ['0', '1', '2', '3'],
  )
  assert.equal(node.invocations.length, 4)
})

test('a connection that pipelines below the bound is never closed for it', async () => {
  await using face = await serveFace({ node: fakeNode() }, { maxPipelined: 4 })
  using connection = new RawConnection(face.port)
  for (let round = 1; round <= 50; round += 1) {
    connection.write(HEALTH.repeat(3))
    await connection.untilTimes('HTTP/1.1 200', round * 3)
  }
  assert.equal(connection.socket.destroyed, false)
})

test('one peer has a bounded number of connections; others are answered, and so is it once it has closed some', async () => {
  await using face = await serveFace({ node: fakeNode() }, { maxConnectionsPerPeer: 2 })
  using first = new RawConnection(face.port)
  using second = new RawConnection(face.port)
  for (const connection of [first, second]) {
    connection.write(HEALTH)
    await connection.until('"ok"')
  }
  using third = new RawConnection(face.port)
  assert.equal(await third.untilClosed(), '')
  using stranger = new RawConnection(face.port, '127.0.0.2')
  stranger.write(HEALTH)
  await stranger.until('"ok"')

  first.socket.destroy()
  await first.untilClosed()
  // The server hears of it a moment after we do.
  while (!(await isAnswered(face.port))) await new Promise((resolve) => setImmediate(resolve))
})

async function isAnswered(port: number): Promise<boolean> {
  return ask(port, { method: 'GET', path: '/health' }).then(
    ({ status }) => status === 200,
    () => false,
  )
}
