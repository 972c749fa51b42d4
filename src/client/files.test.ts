import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { extract } from 'tar-stream'
import { EngineDetour } from '../../test/support/engine-detour.ts'
import { tarOf } from '../files/tar.fixture.ts'
import { openV1Node } from '../http/v1/v1-node.fixture.ts'
import { ErrandClient } from './client.ts'
import { PlayedServer } from './played-server.fixture.ts'

const LARGE = Buffer.alloc(8 * 1024 * 1024, 'large')

const node = await openV1Node({
  copy: {
    run: async (process) => {
      const [mount] = process.spec.mounts ?? []
      const given = mount?.kind === 'bind' ? await readFile(join(mount.source, 'a file'), 'utf8') : ''
      process.write('/out/deep/b c', given)
      process.write('/out/large', { kind: 'file', content: LARGE })
      return 0
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const way = await EngineDetour.open(node.socketPath)
after(() => way[Symbol.asyncDispose]())
const errand = new ErrandClient({ url: `unix://${way.socketPath}` })
after(() => errand.close())

const ARCHIVE = await tarOf([{ name: 'data/' }, { name: 'data/a file', content: 'as it was' }])
const archive = (): Readable => Readable.from([ARCHIVE.subarray(0, 700), ARCHIVE.subarray(700)])
const body = { task: { image: 'copy' }, inputs: [{ upload: 'data', target: '/in' }], outputs: [{ path: '/out' }] }

async function ended(): Promise<string> {
  const { id } = await errand.executions.submit(body)
  await errand.executions.uploadInputs(id, archive())
  assert.equal((await errand.executions.wait(id)).status, 'succeeded')
  return id
}

test('inputs are sent and outputs read, all of them, a folder, or a file', async () => {
  const id = await ended()
  const file = await errand.executions.outputs(id, 'out/deep/b c')
  assert.deepEqual([file.contentType, file.bytes], ['application/octet-stream', 9])
  assert.equal(await text(file.body), 'as it was')
  const large = await errand.executions.outputs(id, 'out/large')
  assert.ok(LARGE.equals(await buffer(large.body)))
  for (const [path, names] of [
    [undefined, ['out/', 'out/deep/', 'out/deep/b c', 'out/large']],
    ['out/deep', ['deep/', 'deep/b c']],
  ] as const) {
    const folder = await errand.executions.outputs(id, path)
    assert.deepEqual([folder.contentType, folder.bytes], ['application/x-tar', undefined])
    const found: string[] = []
    for await (const entry of folder.body.pipe(extract())) {
      found.push(entry.header.name)
      entry.resume()
    }
    assert.deepEqual(found.toSorted(), names)
  }
  await assert.rejects(errand.executions.outputs(id, 'out/none'), { code: 'not_found' })
  await assert.rejects(errand.executions.outputs(id, '../stdout.log'), { code: 'validation_failed' })
})

test('inputs are sent once, whatever becomes of their answer', async () => {
  const { id } = await errand.executions.submit(body)
  const puts = (): number => way.count(/^PUT/)
  const before = puts()
  way.treat = (request) => (request.startsWith('PUT') ? 'lose' : 'pass')
  const lost = { code: 'node_unavailable', details: { mayHaveArrived: true } }
  await assert.rejects(errand.executions.uploadInputs(id, archive(), { patienceMs: Infinity }), lost)
  way.treat = () => 'pass'
  assert.equal(puts() - before, 1)
  assert.equal((await errand.executions.wait(id)).status, 'succeeded')
  await assert.rejects(errand.executions.uploadInputs(id, archive()), { code: 'already_ended' })
})

test('inputs for a node that is not there are let go of at once', async () => {
  await using nobody = new ErrandClient({ url: 'unix:///none/errand.sock', patienceMs: Infinity })
  const source = archive()
  const unsent = { code: 'node_unavailable', details: { mayHaveArrived: false } }
  await assert.rejects(nobody.executions.uploadInputs('a', source), unsent)
  assert.ok(source.destroyed)
})

test('an archive that cannot be read fails the call with its own error', async () => {
  const { id } = await errand.executions.submit(body)
  const broken = new Error('the disk is gone')
  const source = new Readable({ read: () => void source.destroy(broken) })
  await assert.rejects(errand.executions.uploadInputs(id, source), broken)
  await errand.executions.remove(id)
})

test('an output that is cut off fails with a code, and one that is let go closes its connection', async () => {
  await using server = await PlayedServer.open(
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': '1000' })
      response.write('half of it')
      response.socket?.end()
    },
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-tar' })
      response.write('without end')
    },
  )
  await using client = new ErrandClient({ url: server.url })
  const cut = await client.executions.outputs('a', 'b')
  assert.equal(cut.bytes, 1000)
  await assert.rejects(text(cut.body), { name: 'ErrandError', code: 'node_unavailable' })
  const left = await client.executions.outputs('a')
  left.body.destroy()
  while (server.sockets.size > 0) await setImmediate()
  const controller = new AbortController()
  const aborted = await client.executions.outputs('a', undefined, { signal: controller.signal })
  const reason = new Error('enough')
  controller.abort(reason)
  await assert.rejects(text(aborted.body), (error) => error === reason)
  while (server.sockets.size > 0) await setImmediate()
})

test('a node is drained, and its grant read and changed', async () => {
  await using other = await openV1Node()
  await using owner = new ErrandClient({ url: `unix://${other.socketPath}` })
  const { cpu, memory } = await owner.node.config()
  const changed = await owner.node.changeConfig({ memory: '512MiB' })
  assert.deepEqual([changed.cpu, changed.memory], [cpu, 512 * 1024 ** 2])
  assert.notEqual(memory, changed.memory)
  const { hash, config } = await owner.node.configVersion(changed.version ?? 0)
  assert.deepEqual([hash, Object(config.grant).memoryBytes], [changed.hash, changed.memory])
  const { id } = await owner.executions.submit({ task: { image: 'forever' } })
  await assert.rejects(owner.node.drain({ timeoutMs: 20 }), { code: 'deadline_exceeded' })
  await assert.rejects(owner.executions.submit({ task: { image: 'hello' } }, { patienceMs: 0 }), ({ code }) => {
    return ['paused', 'draining'].includes(code)
  })
  const drained = owner.node.drain()
  await owner.executions.cancel(id, { graceMs: 0 })
  assert.equal((await drained).executions.running, 0)
})
