import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ErrandError } from '../../src/core/errors.ts'
import { dial } from '../../src/forward/dial.ts'
import { type Attack, attack, attackRequest, type Refusal } from '../support/attack.ts'
import { eventually, onlyContainer } from '../support/containers.ts'
import { docker, type MecaAnswer, type TestDaemon } from '../support/daemon.ts'
import { DOCKER_SOCKET } from '../support/engine-host.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'
import { scale } from '../support/scale.ts'

/** An image that is missing is built first. */
const options = { timeout: 300_000 }

/** The host's side of the folder in which the only task of a daemon has its socket. */
async function socketFolder(node: TestDaemon): Promise<string> {
  return docker('inspect', '--format', '{{range .Mounts}}{{.Source}}{{end}}', await onlyContainer(node))
}

/** What a program would get that connects to the path without looking: an HTTP status and body. */
async function naiveGet(socketPath: string, path: string): Promise<string> {
  const [response] = await once(get({ socketPath, path }), 'response')
  return `${response.statusCode} ${await text(response)}`
}

/** The answer after the attack: never of what was put there, only that of a task or a code. */
function assertHarmless({ success, msg, code }: MecaAnswer): void {
  if (success) assert.equal(msg, '"here"')
  else assert.match(code ?? '', /^task_(gone|connection_closed|exited)$/)
}

const REPLACEMENTS: readonly [string, Extract<Attack, { order: 'replaceSocket' }>][] = [
  ['a link to the Docker socket', { order: 'replaceSocket', by: 'link', target: DOCKER_SOCKET }],
  ['a link out of its folder', { order: 'replaceSocket', by: 'link', target: `../../../../../../..${DOCKER_SOCKET}` }],
  ['a link to itself', { order: 'replaceSocket', by: 'link', target: 'task.sock' }],
  ['a fifo', { order: 'replaceSocket', by: 'fifo' }],
  ['a directory', { order: 'replaceSocket', by: 'directory' }],
  ['a regular file', { order: 'replaceSocket', by: 'file' }],
  ['nothing', { order: 'replaceSocket', by: 'nothing' }],
]

test(
  'a task that replaces its socket between requests is not followed, and replaced by another instance',
  options,
  async (t) => {
    await using node = await startFaultDaemon()
    for (const [what, order] of REPLACEMENTS) {
      await t.test(`by ${what}`, async () => {
        assert.equal(await attack(node, order), 'replaced')
        assertHarmless(await node.execute(await attackRequest({ order: 'nothing' })))
        await eventually(async () => (await node.execute(await attackRequest({ order: 'nothing' }))).success)
      })
    }
  },
)

test(
  'a task that links its socket to that of the daemon, or of the Engine, gets no answer from there',
  options,
  async () => {
    await using node = await startFaultDaemon({ listen: ['127.0.0.1:0', `unix:/tmp/errand-test-${process.pid}.sock`] })
    const own = node.daemon.addresses[1]?.slice('unix:'.length) ?? ''
    for (const [target, path, answer] of [
      [own, '/health', '200 {"status":"ok"}'],
      [DOCKER_SOCKET, '/_ping', '200 OK'],
    ] as const) {
      await eventually(async () => (await node.containers()).length <= 1)
      await attack(node, { order: 'replaceSocket', by: 'link', target })
      const socketPath = join(await socketFolder(node), 'task.sock')
      assert.equal(await naiveGet(socketPath, path), answer, 'control: followed, the link leads there')
      assertHarmless(await node.execute(await attackRequest({ order: 'nothing' })))
    }
  },
)

test('a dial never follows a link, however fast it and the socket are swapped', options, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-swap-'))
  const path = join(folder, 'task.sock')
  await using _task = await greeter(path, 'the task')
  await using _foreign = await greeter(join(folder, 'foreign.sock'), 'foreign')
  const swapper = new Worker(SWAP, { eval: true, workerData: { folder } })
  await once(swapper, 'message')
  const rounds = scale(1000, 20_000)
  const [naive, careful] = [new Set<string>(), new Set<string>()]
  for (let round = 0; round < rounds; round += 1) {
    naive.add(await firstWords(connect(path)))
    careful.add(await dialled(path))
  }
  await swapper.terminate()
  await rm(folder, { recursive: true })
  t.diagnostic(`${rounds} rounds: without looking ${[...naive].join(', ')}; dialled ${[...careful].join(', ')}`)
  assert.ok(naive.has('foreign'), 'control: whoever connects without looking is led away')
  assert.deepEqual([...careful].sort(), ['task_gone', 'the task'])
})

/** Puts now the socket and now a link in one place, for ever. */
const SWAP = `
const { linkSync, symlinkSync, renameSync } = require('node:fs')
const { parentPort, workerData: { folder } } = require('node:worker_threads')
linkSync(folder + '/task.sock', folder + '/real')
parentPort.postMessage('swapping')
for (;;) {
  symlinkSync('foreign.sock', folder + '/next')
  renameSync(folder + '/next', folder + '/task.sock')
  linkSync(folder + '/real', folder + '/next')
  renameSync(folder + '/next', folder + '/task.sock')
}
`

async function greeter(path: string, greeting: string): Promise<Server> {
  const server = createServer((socket) => socket.end(greeting)).listen(path)
  await once(server, 'listening')
  return server
}

async function dialled(unixPath: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  dial({ unixPath }, (error, socket) => (socket === null ? reject(error) : resolve(socket)))
  try {
    return await firstWords(await promise)
  } catch (error) {
    return ErrandError.from(error).code
  }
}

async function firstWords(socket: Socket): Promise<string> {
  return String((await once(socket, 'data'))[0])
}

test('a task can put no more than 64 KiB and 16 files into the folder of its socket', options, async () => {
  await using node = await startFaultDaemon()
  const filled = (await attack(node, { order: 'fillSocketFolder' })) as { inodes: Refusal; kibibytes: Refusal }
  assert.deepEqual([filled.inodes.code, filled.kibibytes.code], ['ENOSPC', 'ENOSPC'])
  assert.ok(filled.inodes.times < 16 && filled.kibibytes.times <= 64, JSON.stringify(filled))
  assert.equal((await readdir(await socketFolder(node))).length, filled.inodes.times + 1)
  assert.equal(await attack(node, { order: 'nothing' }), 'here', 'it still serves')
})
