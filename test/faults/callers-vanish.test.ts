import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { test } from 'node:test'
import { openV1Node, viewOf } from '../../src/http/v1/v1-node.fixture.ts'
import { eventually } from '../support/containers.ts'
import { RemotePeer } from '../support/remote-peer.ts'

const options = { timeout: 180_000 }
const FREED_MS = 60_000
/** Of a busy machine, on which timers are late. */
const SLACK_MS = 15_000

/** How many connections to a port of this host there are from another address than its own. */
async function connectionsFromAfar(port: number): Promise<number> {
  const rows = (await readFile('/proc/self/net/tcp', 'utf8')).split('\n')
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  return rows.filter((row) => row.includes(`${local}`) && / 01 /.test(row) && !row.includes(' 0100007F:')).length
}

test(
  'F65: callers that vanish without a word are let go within a minute, whatever they were waiting for',
  options,
  async (t) => {
    await using peer = await RemotePeer.open()
    await using node = await openV1Node({}, undefined, [], '0.0.0.0')
    const token = await node.token('afar', 'admin')
    const port = node.ports.token
    const { id } = viewOf(await node.call(token, 'POST /v1/executions', { task: { image: 'forever' } }))
    const ask = (path: string, accept = '*/*'): Promise<string> =>
      peer.ask(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\nAuthorization: ${token}\r\n\r\n`)
    for (const answer of [
      await ask('/v1/events'),
      await ask(`/v1/executions/${id}/logs?follow`, 'text/event-stream'),
      await ask(`/v1/executions/${id}/logs?follow`),
      await ask('/v1/node'),
    ]) {
      assert.match(answer, /^HTTP\/1\.1 200 /)
    }
    // It answers nothing before its end.
    void ask(`/v1/executions/${id}/wait?timeout=10m`)
    await eventually(async () => (await connectionsFromAfar(port)) === 5)
    using near = connectHere(port, token)
    await once(near.socket, 'data')

    await peer.vanish()
    const sinceMs = performance.now()
    await eventually(async () => (await connectionsFromAfar(port)) === 0)
    const tookMs = performance.now() - sinceMs
    t.diagnostic(`the last of five was let go after ${Math.round(tookMs / 1000)} s`)
    assert.ok(tookMs < FREED_MS + SLACK_MS, `${tookMs} ms`)
    assert.equal(near.socket.closed, false, 'who is still there is not let go')
  },
)

function connectHere(port: number, token: string): Disposable & { readonly socket: ReturnType<typeof connect> } {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${token}\r\n\r\n`)
  return { socket, [Symbol.dispose]: () => void socket.destroy() }
}
