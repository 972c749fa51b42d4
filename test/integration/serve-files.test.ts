import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { before, describe, test } from 'node:test'
import { extract, pack } from 'tar-stream'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { type TarEntry, tarOf } from '../../src/files/tar.fixture.ts'
import type { ExecutionView } from '../../src/http/contract/execution-view.ts'
import { MortalNode } from '../support/mortal-node.ts'
import { memoryOf } from '../support/watched-daemon.ts'

const MIB = 2 ** 20
const BIG_BYTES = 100 * MIB
const PIECE = randomBytes(MIB)
/** What a transfer of any size may add to a daemon that has done one before. */
const MOST_GROWTH_BYTES = 64 * MIB
const options = { timeout: 300_000 }

let image = ''
before(async () => {
  image = await ensureImage('busybox')
}, options)

interface Sent {
  readonly sent: ClientRequest
  readonly answer: Promise<IncomingMessage>
}

function begin(node: MortalNode, method: string, path: string): Sent {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const socketPath = join(node.home.runDir, 'errand.sock')
  const sent = request({ socketPath, method, path: `/v1/executions/${path}`, agent: false }, resolve)
  sent.on('error', reject)
  return { sent, answer: promise }
}

async function put(node: MortalNode, id: string, entries: readonly TarEntry[]): Promise<number> {
  const { sent, answer } = begin(node, 'PUT', `${id}/inputs`)
  sent.end(await tarOf(entries))
  const response = await answer
  await text(response)
  return response.statusCode ?? 0
}

async function get(node: MortalNode, path: string): Promise<IncomingMessage> {
  const { sent, answer } = begin(node, 'GET', path)
  sent.end()
  return answer
}

function submit(node: MortalNode, id: string, script: string, more: object = {}): Promise<ExecutionView> {
  const inputs = [{ upload: 'data', target: '/in' }]
  const task = { image, cmd: ['sh', '-c', script], resources: { cpu: 0.1, memory: 64 * MIB } }
  return node.client.submit({ id, task, inputs, outputs: [{ path: '/out' }], ...more }, id)
}

function small(content: string): TarEntry[] {
  return [{ name: 'data/' }, { name: 'data/file', content }]
}

/** Sends a large file piece by piece, and returns its digest. */
async function sendBig(node: MortalNode, id: string): Promise<string> {
  const digest = createHash('sha256')
  const packer = pack()
  const entry = packer.entry({ name: 'data/file', size: BIG_BYTES }, () => packer.finalize())
  const pieces = Readable.from(
    (function* () {
      for (let bytes = 0; bytes < BIG_BYTES; bytes += PIECE.length) {
        digest.update(PIECE)
        yield PIECE
      }
    })(),
  )
  const { sent, answer } = begin(node, 'PUT', `${id}/inputs`)
  await Promise.all([pipeline(pieces, entry as unknown as NodeJS.WritableStream), pipeline(packer, sent)])
  const response = await answer
  assert.equal(response.statusCode, 200, await text(response))
  return digest.digest('hex')
}

async function digestOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const digest = createHash('sha256')
  for await (const chunk of bytes) digest.update(chunk)
  return digest.digest('hex')
}

describe('files over /v1, on the Engine', () => {
  test('a large file goes in, through a task and out again, and none of it is held in memory', options, async () => {
    await using node = await MortalNode.make()
    await node.start()
    await submit(node, 'warm-up', 'cat /in/file')
    assert.equal(await put(node, 'warm-up', small('first')), 200)
    await node.client.wait('warm-up')
    const before = (await memoryOf(node.served.pid)).peakBytes

    await submit(node, 'big', 'mkdir /out && cp /in/file /out/copy && sha256sum </in/file >/out/sum')
    const digest = await sendBig(node, 'big')
    const { status, message, outputs } = await node.client.wait('big')
    assert.equal(status, 'succeeded', message)
    assert.deepEqual(
      outputs.map(({ name, bytes }) => [name, bytes > BIG_BYTES]),
      [['out', true]],
    )
    assert.match(await text(await get(node, 'big/outputs/out/sum')), new RegExp(`^${digest}`))
    assert.equal(await digestOf(await get(node, 'big/outputs/out/copy')), digest)
    const parser = extract()
    const unpacking = pipeline(await get(node, 'big/outputs'), parser as unknown as NodeJS.WritableStream)
    for await (const found of parser) {
      if (found.header.name === 'out/copy') assert.equal(await digestOf(found as AsyncIterable<Buffer>), digest)
      else found.resume()
    }
    await unpacking
    const grown = (await memoryOf(node.served.pid)).peakBytes - before
    assert.ok(grown < MOST_GROWTH_BYTES, `${grown} bytes more at the peak`)
  })

  test(
    'inputs that were acknowledged outlive the daemon; half an upload is nothing, and is sent again',
    options,
    async () => {
      await using node = await MortalNode.make(['cpu=1', 'resources.cpuOvercommit=1'])
      await node.start()
      // What was acknowledged waits behind this one, with its inputs.
      await submit(node, 'first', 'sleep 1000', { inputs: [], outputs: [], task: { image, cmd: ['sleep', '1000'] } })
      await node.client.until('first', 'running')
      await submit(node, 'whole', 'cat /in/file')
      await submit(node, 'half', 'cat /in/file')
      assert.equal(await put(node, 'whole', small('kept')), 200)
      const { sent, answer } = begin(node, 'PUT', 'half/inputs')
      const cut = assert.rejects(answer)
      const tar = await tarOf([{ name: 'data/file', content: Buffer.alloc(MIB) }])
      await new Promise<void>((resolve) => void sent.write(tar.subarray(0, MIB / 2), () => resolve()))
      await node.kill()
      await cut
      await node.start()

      const waiting = await node.client.get('half')
      assert.deepEqual([waiting.status, waiting.queue?.reason], ['queued', 'waits for inputs'])
      assert.deepEqual(await readdir(join(node.home.stateDir, 'executions', 'half', 'uploads')), [])
      assert.notEqual((await node.client.get('whole')).queue?.reason, 'waits for inputs')
      assert.equal(await put(node, 'half', small('again')), 200)
      await node.client.cancel('first')
      for (const [id, content] of [
        ['whole', 'kept'],
        ['half', 'again'],
      ] as const) {
        const { status, message } = await node.client.wait(id)
        assert.equal(status, 'succeeded', message)
        assert.equal(await node.client.log(id), content)
      }
    },
  )

  test('A4, A7: neither an archive nor a result leads out of its place', options, async () => {
    await using node = await MortalNode.make()
    await node.start()
    const hostile: readonly (readonly TarEntry[])[] = [
      [{ name: '../data/file', content: 'x' }],
      [{ name: '/data/file', content: 'x' }],
      [{ name: 'data', type: 'symlink', linkname: '/' }],
      [{ name: 'data/' }, { name: 'data/x', type: 'symlink', linkname: '/etc' }, { name: 'data/x/y', content: 'x' }],
      [{ name: 'data/' }, { name: 'data/x', type: 'link', linkname: '/etc/passwd' }],
      [{ name: 'data/' }, { name: 'data/x', type: 'block-device', devmajor: 8, devminor: 0 }],
      [{ name: 'data/' }, { name: 'data/x', type: 'fifo' }],
      [{ name: 'data/file', content: '1\n0\n512\n', pax: { 'GNU.sparse.major': '1' } }],
    ]
    const script =
      'mkdir /out; ln -s /etc/passwd /out/passwd; ln -s / /out/root; mkfifo /out/fifo; cat /in/file >/out/file'
    await submit(node, 'hostile', script)
    for (const entries of hostile) assert.equal(await put(node, 'hostile', entries), 400, JSON.stringify(entries))
    assert.equal(await put(node, 'hostile', small('good')), 200)
    const { outputs, message, status } = await node.client.wait('hostile')
    assert.deepEqual([status, outputs[0]?.skipped], ['succeeded', 3], message)
    for (const path of [
      'out/passwd',
      'out/root',
      'out/root/etc/passwd',
      'out/fifo',
      'out/..%2f..%2f..',
      '%2e%2e/log',
    ]) {
      assert.equal((await get(node, `hostile/outputs/${path}`)).statusCode, 404, path)
    }
    assert.equal(await text(await get(node, 'hostile/outputs/out/file')), 'good')
  })
})
