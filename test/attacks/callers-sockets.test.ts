import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { ask, fakeNode, RawConnection, serveFace } from '../../src/http/wire-kit.fixture.ts'
import { FakeServe, serveTask } from '../support/fake-serve.ts'
import { scale } from '../support/scale.ts'

// Callers that open connections and then take their time. They come from other addresses than the good caller.

const HELLO = JSON.stringify({ id: 'hello', input: 'hello' })
const HEAD = ['POST / HTTP/1.1', 'Host: localhost']
const options = { timeout: 180_000 }

/** How a slow caller begins, and what it goes on with. */
const SLOW = [
  { begins: '', drips: '' },
  { begins: `${HEAD.join('\r\n')}\r\nX-Slow: `, drips: 'x' },
  { begins: `${HEAD.join('\r\n')}\r\n`, drips: 'X: y\r\n' },
  { begins: `${HEAD.join('\r\n')}\r\nContent-Length: 60000\r\n\r\n{`, drips: ' ' },
  { begins: `${HEAD.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`, drips: '1\r\n \r\n' },
] as const

function kindOf(index: number): (typeof SLOW)[number] {
  return SLOW[index % SLOW.length] ?? SLOW[0]
}

class Drip implements Disposable {
  readonly connections: readonly RawConnection[]
  readonly #timer: NodeJS.Timeout

  private constructor(connections: readonly RawConnection[], everyMs: number) {
    this.connections = connections
    this.#timer = setInterval(() => {
      for (const [index, connection] of connections.entries()) {
        if (connection.socket.writable) connection.write(kindOf(index).drips)
      }
    }, everyMs)
  }

  /** Opens them a few at a time: what the kernel's backlog does not hold would be lost on the way. */
  static async open(port: number, count: number, everyMs: number): Promise<Drip> {
    const connections: RawConnection[] = []
    while (connections.length < count) {
      const connection = new RawConnection(port, `127.0.0.${2 + (connections.length % 4)}`)
      connection.write(kindOf(connections.length).begins)
      connections.push(connection)
      if (connections.length % 100 === 0) await once(connection.socket, 'connect')
    }
    return new Drip(connections, everyMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    for (const connection of this.connections) connection[Symbol.dispose]()
  }
}

/** Asks so often, one after the other; the slowest answer in milliseconds. */
async function slowestOf(port: number, times: number): Promise<number> {
  let slowestMs = 0
  for (let time = 0; time < times; time += 1) {
    const startedMs = performance.now()
    const { text } = await ask(port, { body: HELLO })
    assert.equal(JSON.parse(text).success, true, text)
    slowestMs = Math.max(slowestMs, performance.now() - startedMs)
  }
  return Math.round(slowestMs)
}

test(
  'A41: slow and silent sockets by the hundred leave a good caller answered and memory bounded',
  options,
  async (t) => {
    await using task = await serveTask((_request, response) => response.end('hello'))
    await using daemon = await FakeServe.open({ tasks: { hello: task.port } })
    const quietMs = await slowestOf(daemon.port, 20)
    const quietFiles = await daemon.openFiles()
    const count = scale(300, 2000)
    using slow = await Drip.open(daemon.port, count, 500)
    const besideMs = await slowestOf(daemon.port, 50)
    t.diagnostic(`${count} slow sockets: ${await daemon.describe()}; slowest answer ${besideMs} ms, ${quietMs} without`)

    // By kind, every fifth: silence and headers have ten seconds, bodies have sixty.
    const headless = slow.connections.filter((_connection, index) => index % SLOW.length < 3)
    const cut = await Promise.all(headless.map((connection) => connection.untilClosed()))
    assert.ok(cut.every((text) => text === '' || /^HTTP\/1\.1 408 .*deadline_exceeded/s.test(text)))
    await daemon.assertBounded()
    const left = slow.connections.filter(({ socket }) => !socket.closed).length
    const files = await daemon.openFiles()
    assert.ok(files <= quietFiles + left, `${files} open files with ${left} callers, ${quietFiles} with none`)
  },
)

test('A41: a caller that drips is cut off when its time is over, however steadily it drips', options, async () => {
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600, checkIntervalMs: 50 }
  await using face = await serveFace({ node: fakeNode() }, limits)
  using slow = await Drip.open(face.port, 50, 20)
  const answers = await Promise.all(slow.connections.map((connection) => connection.untilClosed()))
  for (const [index, text] of answers.entries()) {
    assert.match(text, /^HTTP\/1\.1 408 .*errand-code: deadline_exceeded/s, JSON.stringify(kindOf(index)))
  }
})

test('A41: one peer has at most its share of the connections, and others are answered', options, async (t) => {
  await using task = await serveTask((_request, response) => response.end('hello'))
  await using daemon = await FakeServe.open({ tasks: { hello: task.port } })
  const connections = Array.from({ length: 1100 }, () => new RawConnection(daemon.port, '127.0.0.2'))
  const kept: RawConnection[] = []
  let refused = 0
  await Promise.all(
    connections.map(async (connection) => {
      connection.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
      const isKept = await Promise.race([
        connection.until('"ok"').then(() => true),
        connection.untilClosed().then(() => false),
      ])
      if (isKept) kept.push(connection)
      else refused += 1
    }),
  )
  assert.deepEqual([kept.length, refused], [1024, 76])
  await slowestOf(daemon.port, 5)
  for (const connection of kept.slice(0, 100)) connection.socket.destroy()
  t.diagnostic(await daemon.describe())
  for (const connection of connections) connection.socket.destroy()
})

test('A41: idle sockets cost little memory, and each is still answered', options, async (t) => {
  await using task = await serveTask((_request, response) => response.end('hello'))
  await using daemon = await FakeServe.open({ tasks: { hello: task.port } })
  await slowestOf(daemon.port, 5)
  const before = (await daemon.memory()).now
  const count = scale(500, 2000)
  const request = [...HEAD, `Content-Length: ${HELLO.length}`, '', HELLO]
  const idle = Array.from({ length: count }, (_, index) => new RawConnection(daemon.port, `127.0.0.${2 + (index % 4)}`))
  const askAll = async (times: number): Promise<void> => {
    for (const connection of idle) connection.write(...request)
    await Promise.all(idle.map((connection) => connection.untilTimes('"success":true', times)))
  }
  await askAll(1)
  const grown = (await daemon.memory()).now - before
  t.diagnostic(`${count} idle sockets: ${await daemon.describe()}, ${grown} more than without`)
  await slowestOf(daemon.port, 5)
  await askAll(2)
  await daemon.assertBounded()
  for (const connection of idle) connection.socket.destroy()
})
