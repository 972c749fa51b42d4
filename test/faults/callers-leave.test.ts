import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { openV1Node, viewOf } from '../../src/http/v1/v1-node.fixture.ts'
import { ask, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { eventually } from '../support/containers.ts'
import { FakeServe, serveTask, type TaskServer } from '../support/fake-serve.ts'
import { scale } from '../support/scale.ts'

const options = { timeout: 600_000 }
const AT_ONCE = 50
const LARGE = Buffer.alloc(5_000_000, 'x')

/** A task that answers a greeting, sends much, or holds a request until it is taken away; and what it was asked. */
class Patience implements AsyncDisposable {
  readonly #server: TaskServer
  readonly #arrivals: Map<string, () => void>
  readonly #open: Set<Socket>

  private constructor(server: TaskServer, arrivals: Map<string, () => void>, open: Set<Socket>) {
    this.#server = server
    this.#arrivals = arrivals
    this.#open = open
  }

  static async serve(): Promise<Patience> {
    const arrivals = new Map<string, () => void>()
    const open = new Set<Socket>()
    const server = await serveTask((request, response) => {
      void text(request).then((input) => {
        if (input === 'hello') response.end('hello')
        else if (input === 'large') response.end(LARGE)
        else {
          open.add(request.socket)
          request.socket.once('close', () => open.delete(request.socket))
          arrivals.get(input)?.()
        }
      })
    })
    return new Patience(server, arrivals, open)
  }

  get port(): number {
    return this.#server.port
  }

  /** Requests that it still holds. */
  get held(): number {
    return this.#open.size
  }

  /** Resolves when a request with this input is with the task. */
  arrival(input: string): Promise<void> {
    return new Promise((resolve) => this.#arrivals.set(input, resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }
}

function requestFor(input: string): string {
  const body = JSON.stringify({ id: 'patient', input })
  return `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** Ways to leave, each at another point of a request. */
const LEAVING: readonly ((connection: RawConnection, task: Patience, round: string) => Promise<void>)[] = [
  async () => {},
  async (connection) => connection.write('POST / HTTP/1.1\r\nHost: loc'),
  async (connection, _task, round) => connection.write(requestFor(round).slice(0, -3)),
  async (connection, _task, round) => connection.write(requestFor(round)),
  async (connection, task, round) => {
    const arrival = task.arrival(round)
    connection.write(requestFor(round))
    await arrival
  },
  async (connection) => {
    connection.write(requestFor('large'))
    await connection.until('HTTP/1.1 200')
  },
]

async function leave(port: number, task: Patience, round: number): Promise<void> {
  using connection = new RawConnection(port, `127.0.0.${2 + (round % 4)}`)
  const way = LEAVING[round % LEAVING.length]
  await way?.(connection, task, `round-${round}`)
}

test(
  'F64: callers that leave at any point of a request leave nothing behind: no turn, no connection, no file',
  options,
  async (t) => {
    await using task = await Patience.serve()
    // With few turns, most of them leave while they wait in line.
    await using daemon = await FakeServe.open({
      tasks: { patient: task.port },
      settings: ['tasks.concurrency=4', 'mem=256'],
    })
    const greeted = async (): Promise<void> => {
      assert.deepEqual(JSON.parse((await ask(daemon.port, { body: '{"id":"patient","input":"hello"}' })).text), {
        success: true,
        msg: 'hello',
      })
    }
    await greeted()
    const before = await daemon.openFiles()
    const rounds = scale(600, 10_000)
    for (let round = 0; round < rounds; round += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => leave(daemon.port, task, round + index)))
    }
    await eventually(() => task.held === 0)
    await greeted()
    const files = await daemon.openFiles()
    t.diagnostic(`${rounds} rounds: ${await daemon.describe()}`)
    assert.ok(files <= before, `${files} open files, ${before} before`)
    await daemon.assertBounded()
  },
)

test('F64: readers of streams that leave give their places back', options, async () => {
  await using node = await openV1Node()
  const token = await node.token('t', 'read', 'submit')
  const { id } = viewOf(await node.call(token, 'POST /v1/executions', { task: { image: 'forever' } }))
  const paths = ['/v1/events', `/v1/executions/${id}/logs?follow`, `/v1/executions/${id}/wait?timeout=10m`]
  const read = async (round: number): Promise<void> => {
    using connection = new RawConnection(node.ports.token)
    const path = paths[round % paths.length] ?? ''
    connection.write(`GET ${path} HTTP/1.1`, 'Host: localhost', `Authorization: ${token}`, '', '')
    // A wait says nothing: it is left when another has been answered on the way.
    if (path.includes('wait')) await node.call(token, 'GET /v1/node')
    else assert.match(await connection.until('\r\n\r\n'), /^HTTP\/1\.1 200 /)
  }
  const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const before = sockets()
  // One caller has 256 places for streams.
  for (let round = 0; round < scale(450, 9000); round += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => read(round + index)))
  }
  await eventually(() => sockets() <= before)
})
