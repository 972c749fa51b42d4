import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { EngineProbe } from '../../engine/engine.ts'
import { openV1Node, problemIn, type V1Node } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }
const ALONE = { image: 'echo', network: 'none' }

/** An engine whose tasks can be reached on a unix socket. */
const WITH_SOCKETS: Partial<EngineProbe> = {
  runtimes: new Map([['runc', { enforcesLimits: true, hasUnixSocket: true }]]),
}

/** Where one server, for all instances of the image `echo`, answers on a unix socket. */
async function openSocket(): Promise<AsyncDisposable & { readonly unixPath: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-socket-'))
  const unixPath = join(folder, 'task.sock')
  const server = createServer((_request, response) => response.end('by its socket')).listen(unixPath)
  await once(server, 'listening')
  return {
    unixPath,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true })
    },
  }
}

function openNode(unixPath: string, probe = WITH_SOCKETS): Promise<V1Node> {
  return openV1Node({ echo: { endpoint: { unixPath } } }, undefined, [], '127.0.0.1', probe)
}

test('a named task without a network answers on its socket, by instances of its own', options, async () => {
  await using socket = await openSocket()
  await using node = await openNode(socket.unixPath)
  const token = await node.token('ada', 'read', 'submit')
  assert.equal((await node.call(token, 'PUT /v1/tasks/it', { image: 'echo' })).status, 201)
  const before = await node.call(token, 'GET /v1/tasks/it/invoke')
  const changed = await node.call(token, 'PUT /v1/tasks/it', ALONE)
  assert.deepEqual([changed.status, JSON.parse(changed.text).network], [200, 'none'])
  const answer = await node.call(token, 'GET /v1/tasks/it/invoke')
  assert.deepEqual([answer.status, answer.text], [200, 'by its socket'])
  assert.notEqual(answer.headers['errand-instance'], before.headers['errand-instance'])
  const made = node.engine.sandboxes.find(({ name }) => name.includes(String(answer.headers['errand-instance'])))
  assert.deepEqual([made?.state, made?.net, made?.tcp], ['running', undefined, undefined])
})

test('a named task without a network is refused where no task can be reached on a socket', options, async () => {
  await using node = await openNode('/nowhere/task.sock', {})
  const token = await node.token('ada', 'submit')
  const refused = await node.call(token, 'PUT /v1/tasks/it', ALONE)
  const { code, details } = problemIn(refused)
  assert.deepEqual([refused.status, code], [422, 'runtime_unavailable'])
  assert.deepEqual(details, { runtime: 'runc', network: 'none' })
})

test('a named task without a network has no port', options, async () => {
  await using node = await openNode('/nowhere/task.sock')
  const token = await node.token('ada', 'submit')
  const refused = await node.call(token, 'PUT /v1/tasks/it', { ...ALONE, port: 8080 })
  const { code, details } = problemIn(refused)
  assert.deepEqual([refused.status, code], [400, 'validation_failed'])
  assert.partialDeepStrictEqual(details, { problems: [{ path: 'port' }] })
})
