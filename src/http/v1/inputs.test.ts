import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { type TarEntry, tarOf } from '../../files/tar.fixture.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const place = await realpath(await mkdtemp(join(tmpdir(), 'errand-presets-')))
await mkdir(join(place, 'shared'))
await writeFile(join(place, 'shared', 'file'), 'of the operator')
after(() => rm(place, { recursive: true }))

/** Prints the file `file` of each of its inputs, by what is mounted where. */
const CAT: FakeScript = {
  run: async (process) => {
    for (const mount of process.spec.mounts ?? []) {
      if (mount.kind !== 'bind') continue
      const text = await readFile(join(mount.source, 'file'), 'utf8')
      process.print(`${mount.target} ${mount.isReadOnly ? 'ro' : 'rw'} ${text}\n`)
    }
    return 0
  },
}
const node = await openV1Node({ cat: CAT }, undefined, [
  `executions.inputPresets={shared: {path: ${place}/shared}, open: {path: ${place}/shared, readOnly: false}, own: {path: /run}}`,
  'executions.inputBytes=4096',
  'executions.inputTotalBytes=6000',
  'executions.callerQueueLimit=4',
])
after(() => node[Symbol.asyncDispose]())
const token = await node.token('me', 'read', 'submit')

const DATA = { upload: 'data', target: '/in' }

async function submit(inputs: readonly object[], more: object = {}): Promise<Answer> {
  return node.call(token, 'POST /v1/executions', { task: { image: 'cat' }, inputs, ...more })
}

async function waiting(inputs: readonly object[] = [DATA], more: object = {}): Promise<string> {
  const answer = await submit(inputs, more)
  assert.equal(answer.status, 201, answer.text)
  return viewOf(answer).id
}

async function put(id: string, entries: readonly TarEntry[]): Promise<Answer> {
  return node.call(token, `PUT /v1/executions/${id}/inputs`, await tarOf(entries))
}

async function logOf(id: string): Promise<string> {
  const ended = await node.call(token, `GET /v1/executions/${id}/wait?timeout=30s`)
  assert.equal(viewOf(ended).status, 'succeeded', ended.text)
  return (await node.call(token, `GET /v1/executions/${id}/logs`, undefined, { accept: 'text/plain' })).text
}

async function forget(id: string): Promise<void> {
  assert.equal((await node.call(token, `DELETE /v1/executions/${id}`)).status, 204)
}

function small(content: string): TarEntry[] {
  return [{ name: 'data/' }, { name: 'data/file', content }]
}

describe('inputs that are uploaded', () => {
  test('are waited for, and then mounted where they were asked for', async () => {
    const id = await waiting([DATA, { upload: 'model', target: '/model', readOnly: false }])
    const record = viewOf(await node.call(token, `GET /v1/executions/${id}`))
    assert.deepEqual([record.status, record.queue], ['queued', { reason: 'waits for inputs' }])
    const answer = await put(id, [...small('one'), { name: 'model/file', content: 'two' }])
    assert.equal(answer.status, 200, answer.text)
    assert.equal(await logOf(id), '/in ro one\n/model rw two\n')
    const again = await put(id, small('late'))
    assert.deepEqual([again.status, problemIn(again).code], [409, 'already_ended'])
    await forget(id)
  })

  test('that are not what was asked for are refused, and may be sent again', async () => {
    const id = await waiting()
    const bad: readonly (readonly TarEntry[])[] = [
      [],
      [{ name: 'other', content: 'x' }],
      [...small('x'), { name: 'data/link', type: 'symlink', linkname: '/etc/passwd' }],
      [...small('x'), { name: 'data/../../x', content: 'x' }],
      [...small('x'), { name: 'data/big', content: Buffer.alloc(5000) }],
    ]
    for (const entries of bad) {
      const answer = await put(id, entries)
      assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], answer.text)
    }
    assert.equal(viewOf(await node.call(token, `GET /v1/executions/${id}`)).status, 'queued')
    assert.equal((await put(id, small('good'))).status, 200)
    assert.equal(await logOf(id), '/in ro good\n')
    await forget(id)
  })

  test('that are cut off in the middle are nothing, and may be sent again', async () => {
    const id = await waiting()
    const tar = await tarOf(small('whole'))
    const path = `/v1/executions/${id}/inputs`
    const { promise, resolve } = Promise.withResolvers<void>()
    const sent = request({ port: node.ports.token, method: 'PUT', path, headers: { authorization: token } })
    sent.on('error', () => resolve())
    sent.write(tar.subarray(0, 600), () => sent.destroy(new Error('the caller leaves')))
    await promise
    assert.equal((await put(id, small('whole'))).status, 200)
    assert.equal(await logOf(id), '/in ro whole\n')
    await forget(id)
  })

  test('hold no more than they may together, until their executions end', async () => {
    const [first, second] = [await waiting([DATA], { task: { image: 'forever' } }), await waiting()]
    const full = [{ name: 'data/file', content: Buffer.alloc(4000) }]
    assert.equal((await put(first, full)).status, 200)
    const refused = await put(second, full)
    assert.deepEqual([refused.status, problemIn(refused).code], [507, 'storage_full'])
    await forget(first)
    assert.equal((await put(second, full)).status, 200)
    await logOf(second)
    await forget(second)
  })

  test('that do not come in time end it as any wait in the queue does, and leave nothing', async () => {
    const id = await waiting([DATA], { queueTimeoutMs: 50 })
    const { status, reason, message } = viewOf(await node.call(token, `GET /v1/executions/${id}/wait`))
    assert.deepEqual([status, reason], ['failed', 'queue_timeout'], message)
    assert.match(message, /inputs/)
    await forget(id)
    assert.ok(!(await readdir(join(node.stateDir, 'executions'))).includes(id))
  })

  test('count as waiting: a caller may have so many of them', async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => waiting()))
    const answer = await submit([DATA])
    assert.deepEqual([answer.status, problemIn(answer).code], [429, 'queue_full'])
    for (const id of ids) await forget(id)
    await forget(await waiting())
  })

  test('A16: are taken from nobody else', async () => {
    const id = await waiting()
    const other = await node.token('other', 'read', 'submit')
    const theirs = await node.call(other, `PUT /v1/executions/${id}/inputs`, await tarOf(small('evil')))
    assert.deepEqual([theirs.status, problemIn(theirs).code], [404, 'not_found'])
    await forget(id)
  })

  test('are taken by nobody who did not ask for them', async () => {
    const id = await waiting([], { task: { image: 'forever' } })
    assert.equal(problemIn(await put(id, small('x'))).code, 'validation_failed')
    await forget(id)
  })
})

describe('inputs by the names of an operator', () => {
  test('are mounted, to be read unless the operator and the caller say otherwise', async () => {
    const id = await waiting([
      { preset: 'shared', target: '/a' },
      { preset: 'open', target: '/b' },
      { preset: 'open', target: '/c', readOnly: false },
    ])
    const line = (at: string): string => `${at} of the operator\n`
    assert.equal(await logOf(id), line('/a ro') + line('/b ro') + line('/c rw'))
    await forget(id)
  })

  test('A3: that are none, or that may not be had so, are refused; no host path can be named', async () => {
    const bad = [
      { preset: 'none', target: '/a' },
      { preset: 'shared', target: '/a', readOnly: false },
      { preset: 'own', target: '/a' },
      { preset: '../shared', target: '/a' },
      { preset: 'shared', target: '/proc' },
      { type: 'bind', source: '/etc', target: '/a' },
      { source: '/etc', target: '/a' },
      { preset: 'shared', source: '/etc', target: '/a' },
      { upload: '../x', target: '/a' },
      { upload: 'x', preset: 'shared', target: '/a' },
    ]
    for (const input of bad) {
      const answer = await submit([input])
      assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], JSON.stringify(input))
      assert.ok(Array.isArray(problemIn(answer).details.problems), answer.text)
      assert.ok(!answer.text.includes(place), 'where it is on the host is not told')
    }
  })
})
