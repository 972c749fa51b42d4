import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { docker, startDaemon, type TestDaemon } from '../support/daemon.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

const MIB = 1024 * 1024
const BIG = 100 * MIB
/** Far less than what goes through: the rest of the growth is buffers of connections and rubbish not collected yet. */
const MOST_GROWTH = 150 * MIB

const SERVER = `
require('node:http').createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://task')
  if (pathname === '/echo') request.pipe(response)
  else if (pathname === '/mode') response.end(process.env.MODE)
  else if (pathname === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: 1\\n\\n')
    request.on('end', () => response.end('data: 2\\n\\n')).resume()
  } else response.writeHead(Number(pathname.slice(1))).end('its own ' + pathname)
}).listen(3000)
process.on('SIGTERM', () => process.exit(0))`

interface Sent {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

function open(socketPath: string, asked: string): ReturnType<typeof httpRequest> {
  const [method = '', path = ''] = asked.split(' ')
  return httpRequest({ socketPath, method, path, agent: false })
}

async function call(socketPath: string, asked: string, body?: object): Promise<Sent> {
  const request = open(socketPath, asked)
  request.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) }
}

async function definition(mode: string): Promise<object> {
  return {
    image: await ensureImage('hello-node'),
    entrypoint: ['node', '-e', SERVER],
    env: { MODE: mode },
    port: 3000,
    readiness: 'http:/mode',
    resources: { cpu: 0.5, memory: '128MiB' },
    keepAliveMs: 600_000,
  }
}

describe('a named task on the Docker Engine', { timeout: 300_000 }, () => {
  let folder = ''
  let node: TestDaemon
  let socketPath = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-named-'))
    socketPath = join(folder, 'v1.sock')
    node = await startDaemon([], {}, ['127.0.0.1:0', `unix:${socketPath}`])
    const made = await call(socketPath, 'PUT /v1/tasks/it', await definition('first'))
    assert.equal(made.status, 201, made.text)
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  test('runs with the command, the environment, the port and the readiness that it says', async () => {
    const answer = await call(socketPath, 'GET /v1/tasks/it/invoke/mode')
    assert.deepEqual([answer.status, answer.text], [200, 'first'])
    assert.deepEqual(
      (await node.containers()).map((name) => name.includes(String(answer.headers['errand-instance']))),
      [true],
    )
  })

  test('answers with its own statuses', async () => {
    for (const status of [404, 500]) {
      const answer = await call(socketPath, `GET /v1/tasks/it/invoke/${status}`)
      assert.deepEqual([answer.status, answer.text], [status, `its own /${status}`])
      assert.equal(answer.headers['errand-code'], undefined)
    }
  })

  test('takes and gives 100 MB at once, and the daemon holds little of it', async () => {
    await call(socketPath, 'GET /v1/tasks/it/invoke/mode')
    const request = open(socketPath, 'POST /v1/tasks/it/invoke/echo')
    const piece = Buffer.alloc(64 * 1024, 'x')
    const pieces = Array.from({ length: BIG / piece.length }, () => piece)
    const startedAt = process.memoryUsage.rss()
    Readable.from(pieces, { objectMode: false, highWaterMark: 1 }).pipe(request)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let received = 0
    let most = 0
    for await (const chunk of response) {
      received += (chunk as Buffer).length
      most = Math.max(most, process.memoryUsage.rss() - startedAt)
    }
    assert.equal(received, BIG)
    assert.ok(most < MOST_GROWTH, `${Math.round(most / MIB)} MiB`)
  })

  test('tells events before the request has ended', async () => {
    const request = open(socketPath, 'POST /v1/tasks/it/invoke/events')
    request.write('begun')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const [first] = await once(response, 'data')
    assert.equal(String(first), 'data: 1\n\n')
    request.end()
    assert.equal(await text(response), 'data: 2\n\n')
  })

  test('that is defined anew is another one, without a failure on the way', async () => {
    const open = { isOver: false, failures: [] as string[] }
    const asking = Array.from({ length: 4 }, async () => {
      while (!open.isOver) {
        const { status, text: got } = await call(socketPath, 'GET /v1/tasks/it/invoke/mode')
        if (status !== 200) open.failures.push(got)
      }
    })
    const changed = await call(socketPath, 'PUT /v1/tasks/it', await definition('second'))
    assert.equal(changed.status, 200)
    while ((await call(socketPath, 'GET /v1/tasks/it/invoke/mode')).text !== 'second');
    open.isOver = true
    await Promise.all(asking)
    assert.deepEqual(open.failures, [])
    while (JSON.parse((await call(socketPath, 'GET /v1/instances')).text).instances.length > 1);
  })

  test('without a network has no interface but lo, and answers on its socket', async () => {
    const body = { image: await ensureImage('echo-socket'), network: 'none', resources: { cpu: 0.5, memory: '64MiB' } }
    const made = await call(socketPath, 'PUT /v1/tasks/alone', body)
    assert.equal(made.status, 201, made.text)
    const answer = await call(socketPath, 'POST /v1/tasks/alone/invoke', { hello: 'socket' })
    assert.deepEqual([answer.status, answer.text], [200, '{"hello":"socket"}'])
    const names = await node.containers()
    const name = names.find((each) => each.includes(String(answer.headers['errand-instance'])))
    const ask = 'Object.keys(os.networkInterfaces()).join()'
    assert.equal(await docker('exec', name ?? '', 'node', '-p', ask), 'lo')
    assert.equal((await call(socketPath, 'DELETE /v1/tasks/alone')).status, 204)
  })

  test('that is removed leaves no container', async () => {
    assert.equal((await call(socketPath, 'DELETE /v1/tasks/it')).status, 204)
    assert.equal((await call(socketPath, 'GET /v1/tasks/it/invoke')).status, 404)
    while ((await node.containers()).length > 0);
  })
})

/** The next daemon, and where it answers. */
async function restarted(home: Home, node: ServeProcess, listen: readonly string[]): Promise<ServeProcess> {
  node.signal('SIGKILL')
  await node.ended
  const next = await home.serve({ listen })
  await next.addresses()
  return next
}

test('an instance of a named task outlives a daemon that is killed, as long as its definition holds', {
  timeout: 300_000,
}, async () => {
  await using home = await Home.make()
  const socketPath = join(home.runDir, 'v1.sock')
  const listen = ['127.0.0.1:0', `unix:${socketPath}`]
  await using node = await home.serve({ listen })
  await node.addresses()
  assert.equal((await call(socketPath, 'PUT /v1/tasks/it', await definition('first'))).status, 201)
  const before = await call(socketPath, 'GET /v1/tasks/it/invoke/mode')
  assert.equal(before.text, 'first', before.text)

  await using second = await restarted(home, node, listen)
  const afterwards = await call(socketPath, 'GET /v1/tasks/it/invoke/mode')
  assert.equal(afterwards.text, 'first', afterwards.text)
  assert.equal(afterwards.headers['errand-instance'], before.headers['errand-instance'])
  assert.deepEqual(JSON.parse((await call(socketPath, 'GET /v1/tasks')).text).tasks[0].env, ['MODE'])
  await call(socketPath, 'DELETE /v1/tasks/it')
  while (JSON.parse((await call(socketPath, 'GET /v1/instances')).text).instances.length > 0);
  assert.ok(second.log.entries.some(({ msg }) => msg.startsWith('took up warm instances')))
})
