import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { extract } from 'tar-stream'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const WRITE: FakeScript = {
  run: async (process) => {
    process.write('/out/a.txt', 'first')
    process.write('/out/deep/b c', 'second')
    process.write('/single', 'the only one')
    return 0
  },
}
const node = await openV1Node({ write: WRITE })
after(() => node[Symbol.asyncDispose]())
const token = await node.token('me', 'read', 'submit')
const outputs = [{ path: '/out' }, { path: '/single', name: 'one.bin' }]

async function submit(image: string): Promise<string> {
  const answer = await node.call(token, 'POST /v1/executions', { task: { image }, outputs })
  assert.equal(answer.status, 201, answer.text)
  return viewOf(answer).id
}

async function ended(): Promise<string> {
  const id = await submit('write')
  const answer = await node.call(token, `GET /v1/executions/${id}/wait`)
  assert.equal(viewOf(answer).status, 'succeeded', answer.text)
  return id
}

function read(id: string, tail = '', headers: Record<string, string> = {}): Promise<Answer> {
  return node.call(token, `GET /v1/executions/${id}/outputs${tail}`, undefined, headers)
}

async function entriesOf(answer: Answer): Promise<Record<string, string>> {
  const parser = extract()
  parser.end(Buffer.from(answer.text))
  const found: Record<string, string> = {}
  for await (const entry of parser) found[entry.header.name] = await text(entry as AsyncIterable<Buffer>)
  return found
}

describe('outputs', () => {
  test('come as one archive, a folder as another, and a file as it is', async () => {
    const id = await ended()
    const all = await read(id)
    assert.deepEqual([all.status, all.headers['content-type']], [200, 'application/x-tar'])
    assert.match(all.headers['content-disposition'] ?? '', new RegExp(`^attachment; filename="${id}-outputs.tar"`))
    const expected = { 'out/': '', 'out/a.txt': 'first', 'out/deep/': '', 'out/deep/b c': 'second' }
    assert.deepEqual(await entriesOf(all), { ...expected, 'one.bin': 'the only one' })
    assert.deepEqual(await entriesOf(await read(id, '/out/deep')), { 'deep/': '', 'deep/b c': 'second' })
    const file = await read(id, '/out/deep/b%20c')
    const { 'content-type': type, 'content-length': length, 'x-content-type-options': sniff } = file.headers
    assert.deepEqual([file.text, type, length, sniff], ['second', 'application/octet-stream', '6', 'nosniff'])
    assert.equal(file.headers['content-disposition'], `attachment; filename="b_c"; filename*=UTF-8''b%20c`)
  })

  test('come in part when a part is asked for', async () => {
    const id = await ended()
    for (const [range, status, content] of [
      ['bytes=4-7', 206, 'only'],
      ['bytes=9-', 206, 'one'],
      ['bytes=9-1000', 206, 'one'],
      ['bytes=50-', 200, 'the only one'],
      ['bytes=-3', 200, 'the only one'],
      ['bytes=0-1,3-4', 200, 'the only one'],
      ['lines=1-2', 200, 'the only one'],
    ] as const) {
      const answer = await read(id, '/one.bin', { range })
      assert.deepEqual([answer.status, answer.text], [status, content], range)
    }
    const { headers } = await read(id, '/one.bin', { range: 'bytes=4-7' })
    assert.equal(headers['content-range'], 'bytes 4-7/12')
    assert.equal((await read(id, '/one.bin', { range: 'bytes=4-7', 'if-range': '"x"' })).status, 200)
  })

  test('are not ready before the end, and not found after they were forgotten', async () => {
    const id = await submit('forever')
    for (const tail of ['', '/out']) assert.equal(problemIn(await read(id, tail)).code, 'not_ready')
    await node.call(token, `DELETE /v1/executions/${id}`)
    for (const tail of ['', '/out']) assert.equal(problemIn(await read(id, tail)).code, 'not_found')
  })

  test('A14: a path that leads elsewhere, however it is written, is not found', async () => {
    const id = await ended()
    const results = join(node.stateDir, 'executions', id, 'results')
    await mkdir(join(results, 'secret'))
    await writeFile(join(results, 'secret', 'file'), 'not an output')
    await symlink('/etc', join(results, 'out', 'etc'))
    await symlink('/etc/passwd', join(results, 'out', 'passwd'))
    const tails = [
      '/',
      '//',
      '/out/',
      '/out//a.txt',
      '/./out',
      '/out/./a.txt',
      '/out/../one.bin',
      '/%2e%2e/log',
      '/out%2fa.txt',
      '/out/%2e%2e/%2e%2e/log',
      '/..%2f..',
      '/out/..%2fone.bin',
      '/%252e%252e/log',
      '/out/a.txt%00',
      '/out/%',
      '/%ff',
      '/secret/file',
      '/secret',
      '/stdout.log',
      '/one.bin/x',
      '/out/etc',
      '/out/etc/passwd',
      '/out/passwd',
      '/etc/passwd',
      '/out/a.txt/..',
      `/out/${'a'.repeat(300)}`,
      `/out${'/a'.repeat(500)}`,
      '/OUT',
    ]
    for (const tail of tails) {
      const answer = await read(id, tail)
      assert.deepEqual([answer.status, problemIn(answer).code], [404, 'not_found'], tail)
    }
    const names = Object.keys(await entriesOf(await read(id)))
    assert.ok(
      names.every((name) => !/secret|etc|passwd|log/.test(name)),
      names.join(),
    )
  })

  test("A16: are nobody else's", async () => {
    const id = await ended()
    const other = await node.token('other', 'read', 'submit')
    for (const tail of ['', '/out', '/one.bin']) {
      const answer = await node.call(other, `GET /v1/executions/${id}/outputs${tail}`)
      assert.deepEqual([answer.status, problemIn(answer).code], [404, 'not_found'])
    }
  })

  test('that nobody reads any more are not kept from being forgotten', async () => {
    const id = await ended()
    await writeFile(join(node.stateDir, 'executions', id, 'results', 'one.bin'), Buffer.alloc(50_000_000))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const path = `/v1/executions/${id}/outputs/one.bin`
    const sent = get({ port: node.ports.token, path, headers: { authorization: token } }, (response) => {
      response.once('data', () => response.destroy())
      response.once('close', resolve)
    })
    sent.on('error', reject)
    await promise
    assert.equal((await node.call(token, `DELETE /v1/executions/${id}`)).status, 204)
  })
})
