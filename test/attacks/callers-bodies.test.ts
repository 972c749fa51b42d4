import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { ask, exchange, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { FakeServe, serveTask } from '../support/fake-serve.ts'
import { scale } from '../support/scale.ts'

// Bodies that are too much: for memory, for the stack, or for whoever would unpack them.

const LIMIT = 100_000
const HEAD = ['POST / HTTP/1.1', 'Host: localhost']

/** A daemon on which the image `echo` answers with the number of bytes that it got. */
async function startEcho(): Promise<AsyncDisposable & { readonly port: number; readonly daemon: FakeServe }> {
  await using held = new AsyncDisposableStack()
  const task = held.use(
    await serveTask((request, response) => void buffer(request).then((body) => response.end(`${body.length}`))),
  )
  const settings = [`tasks.maxRequestBytes=${LIMIT}`]
  const daemon = held.use(await FakeServe.open({ tasks: { echo: task.port }, settings }))
  const kept = held.move()
  return { daemon, port: daemon.port, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function bodyOf(totalBytes: number): string {
  const empty = JSON.stringify({ id: 'echo', input: '' }).length
  return JSON.stringify({ id: 'echo', input: 'x'.repeat(totalBytes - empty) })
}

test('A42: a body of exactly the bound is taken and one more byte is 413, however it is framed', async () => {
  await using served = await startEcho()
  const { port } = served
  for (const size of [LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 50_000_000]) {
    const body = bodyOf(size)
    const expected = size <= LIMIT ? 200 : 413
    const whole = await ask(port, { body }).catch(() => undefined)
    assert.equal(whole?.status, expected, `${size} bytes, declared`)
    const chunked = await ask(port, { body, headers: { 'transfer-encoding': 'chunked' } }).catch(() => undefined)
    // A client that goes on sending long after the refusal may find its connection cut before it reads.
    if (size <= 2 * LIMIT) assert.equal(chunked?.status, expected, `${size} bytes, in chunks`)
    else assert.ok(chunked === undefined || chunked.status === 413)
  }
})

test('A42: a length that lies is believed where it refuses, and waited for where it does not', async () => {
  await using served = await startEcho()
  const { port } = served
  const short = bodyOf(100)
  for (const length of [`${LIMIT + 1}`, '9007199254740993', '18446744073709551615']) {
    using tooMuch = new RawConnection(port)
    tooMuch.write(...HEAD, `Content-Length: ${length}`, '', short)
    assert.match(await tooMuch.until('errand-code'), /^HTTP\/1\.1 413 /, length)
  }
  assert.match(await exchange(port, ...HEAD, 'Content-Length: 18446744073709551616', '', short), /^HTTP\/1\.1 400 /)
  using waiting = new RawConnection(port)
  waiting.write(...HEAD, `Content-Length: ${short.length + 1}`, '', short)
  assert.equal((await ask(port, { method: 'GET', path: '/health' })).status, 200)
  waiting.write(' ')
  await waiting.until('"success":true')
})

test('A43: a body nested from 31 levels to a million is taken or refused with 400, and the daemon lives', async () => {
  await using served = await startEcho()
  const { port } = served
  for (const depth of [31, 32, 33, 1000, 10_000, 50_000, LIMIT]) {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const levels = depth - 1
      const nested = `${open.repeat(levels)}0${close.repeat(levels)}`
      const body = `{"id":"echo","input":"x","extra":${nested}}`
      const { status } = await ask(port, { body })
      const expected = body.length > LIMIT ? 413 : depth <= 32 ? 200 : 400
      assert.equal(status, expected, `${depth} levels of ${open}`)
      const config = await ask(port, { path: '/update-config', body: `{"cpu":1,"mem":64,"extra":${nested}}` })
      assert.equal(config.status, expected, `${depth} levels of ${open} in a configuration`)
    }
  }
  const million = scale(100_000, 1_000_000)
  for (const open of ['[', '{"a":', '[{"a":']) {
    const { status } = await ask(port, { body: open.repeat(million).slice(0, LIMIT) })
    assert.equal(status, 400)
  }
  const { text } = await ask(port, { body: '{"id":"echo","input":"xyz"}' })
  assert.deepEqual(JSON.parse(text), { success: true, msg: '3' })
})

test('A43: keys that would change a prototype, repeat or are countless change nothing', async () => {
  await using served = await startEcho()
  const { daemon, port } = served
  const bodies = [
    '{"id":"echo","input":"abc","__proto__":{"id":"evil","polluted":1}}',
    '{"id":"echo","input":"abc","constructor":{"prototype":{"polluted":1}}}',
    '{"id":"evil","input":"abc","id":"echo"}',
    '{"id":"echo","input":"abc","resource":{"__proto__":{"cpu":1e9}}}',
    `{"id":"echo","input":"abc",${Array.from({ length: 5000 }, (_, index) => `"k${index}":0`).join()}}`,
  ]
  for (const body of bodies) {
    const { text } = await ask(port, { body })
    assert.deepEqual(JSON.parse(text), { success: true, msg: '3' }, body.slice(0, 80))
  }
  assert.deepEqual((await daemon.look()).inherited, [])
})

test('A46: a compressed body is refused with 415 and never unpacked', async () => {
  await using served = await startEcho()
  const { port } = served
  const bomb = Buffer.from(bodyOf(5_000_000))
  const packed = {
    gzip: gzipSync(bomb),
    'x-gzip': gzipSync(bomb),
    deflate: deflateSync(bomb),
    br: brotliCompressSync(bomb),
  }
  for (const [coding, body] of Object.entries(packed)) {
    const { status, headers } = await ask(port, { body, headers: { 'content-encoding': coding } })
    assert.deepEqual([status, headers['errand-code']], [415, 'validation_failed'], coding)
    const again = await ask(port, { path: '/pause', body, headers: { 'content-encoding': `identity, ${coding}` } })
    assert.equal(again.status, 415, coding)
  }
  const chunk = packed.gzip.subarray(0, 10).toString('latin1')
  const coded = ['Transfer-Encoding: gzip, chunked', 'Connection: close', '', `a\r\n${chunk}`, '0', '', '']
  assert.match(await exchange(port, ...HEAD, ...coded), /^HTTP\/1\.1 415 /)
  assert.equal((await ask(port, { body: bodyOf(100), headers: { 'content-encoding': 'identity' } })).status, 200)
})
