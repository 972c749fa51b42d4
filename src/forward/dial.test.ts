import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { Endpoint } from '../core/endpoint.ts'
import { ErrandError } from '../core/errors.ts'
import { dial } from './dial.ts'

/** Connects, and says hello to whoever answers. */
async function call(endpoint: Endpoint): Promise<string> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    dial(endpoint, (error, connected) => (connected === null ? reject(error) : resolve(connected)))
  })
  const [answer] = await once(socket, 'data')
  socket.destroy()
  return String(answer)
}

function isTaskGone(error: unknown): boolean {
  return error instanceof ErrandError && error.code === 'task_gone'
}

/** This process's open descriptors below a folder. */
function openBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`)
      return path.startsWith(folder) ? path : []
    } catch {
      return [] // the one by which the folder itself was read
    }
  })
}

describe('dialling a unix socket in a folder of the task', { timeout: 30_000 }, () => {
  let folder: string
  let server: Server
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-dial-'))
    server = await listen(join(folder, 'foreign.sock'), 'the foreign server')
  })
  after(async () => {
    server.close()
    await rm(folder, { recursive: true })
  })

  let task: string
  beforeEach(async () => {
    task = await mkdtemp(join(folder, 'task-'))
  })

  const socketOf = (): { unixPath: string } => ({ unixPath: join(task, 'task.sock') })

  test('reaches the server that listens there', async () => {
    using _own = await listen(socketOf().unixPath, 'the task')
    assert.equal(await call(socketOf()), 'the task')
  })

  test('does not follow a link to another socket', async () => {
    await symlink(join(folder, 'foreign.sock'), socketOf().unixPath)
    await assert.rejects(call(socketOf()), isTaskGone)
  })

  test('does not follow a link that took the place of a socket that was good before', async () => {
    using _own = await listen(join(task, 'own.sock'), 'the task')
    await rename(join(task, 'own.sock'), socketOf().unixPath)
    assert.equal(await call(socketOf()), 'the task')
    await symlink(join(folder, 'foreign.sock'), join(task, 'link'))
    await rename(join(task, 'link'), socketOf().unixPath)
    await assert.rejects(call(socketOf()), isTaskGone)
  })

  test('does not wait for a fifo', async () => {
    await promisify(execFile)('mkfifo', [socketOf().unixPath])
    await assert.rejects(call(socketOf()), isTaskGone)
  })

  test('takes no file, no folder and nothing at all for a socket', async () => {
    await assert.rejects(call(socketOf()), isTaskGone)
    await writeFile(socketOf().unixPath, 'file')
    await assert.rejects(call(socketOf()), isTaskGone)
    await rm(socketOf().unixPath)
    await mkdir(socketOf().unixPath)
    await assert.rejects(call(socketOf()), isTaskGone)
  })

  test('is refused by a socket on which nobody listens', async () => {
    const own = await listen(join(task, 'own.sock'), 'the task')
    // Node removes the file of a socket that it closes; under another name it stays.
    await rename(join(task, 'own.sock'), socketOf().unixPath)
    own.close()
    await once(own, 'close')
    await assert.rejects(call(socketOf()), { code: 'ECONNREFUSED' })
  })

  test('works for a path longer than the kernel takes', async () => {
    const deep = join(task, 'x'.repeat(120))
    await mkdir(deep)
    using _own = await listen(join(task, 'own.sock'), 'the task')
    await rename(join(task, 'own.sock'), join(deep, 'task.sock'))
    assert.equal(await call({ unixPath: join(deep, 'task.sock') }), 'the task')
  })

  test('leaves no descriptor open, however it ends', async () => {
    using _own = await listen(socketOf().unixPath, 'the task')
    await call(socketOf())
    await symlink(socketOf().unixPath, join(task, 'link'))
    await assert.rejects(call({ unixPath: join(task, 'link') }), isTaskGone)
    assert.deepEqual(openBelow(task), [])
  })
})

describe('dialling an address', { timeout: 30_000 }, () => {
  test('reaches the server that listens there, and is refused where none does', async () => {
    const server = createServer((socket) => socket.end('over TCP')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    assert.equal(await call({ host: '127.0.0.1', port }), 'over TCP')
    server.close()
    await once(server, 'close')
    await assert.rejects(call({ host: '127.0.0.1', port }), { code: 'ECONNREFUSED' })
  })
})

/** A server that tells its name. Node removes the socket's file with it. */
async function listen(path: string, name: string): Promise<Server & Disposable> {
  const server = createServer((socket) => socket.end(name)).listen(path)
  await once(server, 'listening')
  return Object.assign(server, { [Symbol.dispose]: () => void server.close() })
}
