import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { ok, type RawServer } from '../../src/forward/raw-server.fixture.ts'
import { eventually } from '../support/containers.ts'
import { RawTasks } from '../support/raw-tasks.ts'

const options = { timeout: 120_000 }

/** Requests by the daemon's callers, in contrast to its probes. */
function posts(server: RawServer): number {
  return server.requests.filter((request) => request.startsWith('POST')).length
}

/** Answers probes, and nothing else. */
function onlyProbes(server: () => RawServer): (socket: Socket) => void {
  return (socket) => {
    if (server().requests.at(-1)?.startsWith('GET') === true) socket.write(ok('alive', '404 Not Found'))
  }
}

describe('an instance that does not answer', options, () => {
  test('F63: in time, but answers a probe with any status, is kept', async () => {
    await using tasks = await RawTasks.open(['tasks.requestTimeoutMs=300'])
    const server: RawServer = await tasks.serve(
      'busy:1',
      onlyProbes(() => server),
    )
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await tasks.ask('busy:1')).code, 'deadline_exceeded')
      await eventually(() => server.requests.length === 2 * (round + 1))
    }
    assert.equal(tasks.engine.calls.create, 1)
    await tasks.assertEmpties()
  })

  test('F63: in time, nor a probe, is replaced; its connections are cut', async () => {
    await using tasks = await RawTasks.open(['tasks.requestTimeoutMs=300'])
    const server = await tasks.serve('stuck:1', () => {})
    assert.equal((await tasks.ask('stuck:1')).code, 'deadline_exceeded')
    const [name] = tasks.sandboxes
    assert.ok(name)
    await eventually(() => !tasks.sandboxes.includes(name))
    await eventually(() => server.sockets.every((socket) => socket.closed))
    await tasks.assertEmpties()
  })

  test('F63: before three callers in a row have lost their patience is probed and replaced as well', async () => {
    await using tasks = await RawTasks.open()
    const server = await tasks.serve('slow:1', () => {})
    for (let round = 1; round <= 3; round += 1) {
      const leaving = new AbortController()
      const body = JSON.stringify({ id: 'slow:1', resource: { cpu: 0.1, mem: 64 }, input: '' })
      const left = fetch(tasks.node.url, { method: 'POST', body, signal: leaving.signal })
      await eventually(() => posts(server) === round)
      leaving.abort()
      await assert.rejects(left)
    }
    const [name] = tasks.sandboxes
    assert.ok(name)
    await eventually(() => !tasks.sandboxes.includes(name))
    await tasks.assertEmpties()
  })
})
