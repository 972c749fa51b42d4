import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { openV1Node, problemIn } from '../../src/http/v1/v1-node.fixture.ts'
import { type Answer, type Ask, ask, exchange, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { ambiguousRequests } from '../support/framing-corpus.ts'
import { statusOf } from '../support/raw-sink.ts'
import { scale } from '../support/scale.ts'

// What is said of bodies on the MECA face (callers-bodies, callers-framing), of /v1, by somebody who has a token.

const LIMIT = 1024 * 1024
const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const token = await node.token('submitter', 'submit', 'read')
const TASK = '{"task":{"image":"hello"}}'

afterEach(async () => {
  assert.equal(node.engine.calls.create, 0, 'nothing was started')
  assert.deepEqual(JSON.parse((await node.call(token, 'GET /v1/executions')).text), { executions: [] })
})

function submit(body: string | Buffer, headers: Ask['headers'] = {}): Promise<Answer> {
  return ask(node.ports.token, { path: '/v1/executions', body, headers: { authorization: token, ...headers } })
}

test('A42: a body above the bound is 413, however it is framed, and so is a length that lies', async () => {
  for (const size of [LIMIT + 1, 2 * LIMIT]) {
    const body = `{"job":"${'x'.repeat(size - 10)}"}`
    assert.equal((await submit(body)).status, 413)
    assert.equal((await submit(body, { 'transfer-encoding': 'chunked' })).status, 413)
  }
  using lying = new RawConnection(node.ports.token)
  lying.write(
    'POST /v1/executions HTTP/1.1',
    'Host: localhost',
    `Authorization: ${token}`,
    `Content-Length: ${LIMIT + 1}`,
    '',
    '{',
  )
  assert.match(await lying.until('errand-code'), /^HTTP\/1\.1 413 /)
})

test('A43: what is nested from 33 levels to a million is 400, wherever it stands in the body', async () => {
  for (const depth of [33, 1000, 10_000, scale(100_000, 500_000)]) {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const levels = Math.min(depth, Math.floor((LIMIT - 100) / (open.length + close.length)))
      const nested = `${open.repeat(levels)}0${close.repeat(levels)}`
      for (const body of [
        `{"task":{"image":"hello"},"labels":${nested}}`,
        `{"engineSpec":{"type":"docker","params":{"image":"hello","x":${nested}}}}`,
        `{"task":{"image":"hello","env":${nested}}}`,
        nested,
      ]) {
        const answer = await submit(body)
        assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], `${levels} of ${open}`)
      }
    }
  }
  assert.equal((await submit('['.repeat(LIMIT))).status, 400)
})

test('A46: a compressed body is refused with 415 and never unpacked', async () => {
  const bomb = Buffer.from(`{"job":"${'x'.repeat(5_000_000)}"}`)
  const packed = {
    gzip: gzipSync(bomb),
    deflate: deflateSync(bomb),
    br: brotliCompressSync(bomb),
    zstd: Buffer.from(TASK),
  }
  for (const [coding, body] of Object.entries(packed)) {
    assert.equal((await submit(body, { 'content-encoding': coding })).status, 415, coding)
    assert.equal((await submit(body, { 'content-encoding': `identity, ${coding}` })).status, 415, coding)
  }
})

test('A47: a request that two servers could read differently submits nothing', async () => {
  for (const request of ambiguousRequests('/v1/executions', TASK, [`Authorization: ${token}`])) {
    const answer = await exchange(node.ports.token, ...request)
    const shown = `${JSON.stringify(request.join(' | '))}: ${answer.slice(0, 200)}`
    assert.ok([400, 404, 413, 415].includes(statusOf(answer)) || answer === '', shown)
  }
})

test('A47: what follows a refused request on its connection is not taken for another request', async () => {
  const smuggled = `POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${token}\r\nContent-Length: ${TASK.length}\r\n\r\n${TASK}`
  for (const head of [
    // Without a token, with a body that looks like a request of somebody who has one.
    ['POST /v1/executions HTTP/1.1', 'Host: localhost', `Content-Length: ${smuggled.length}`],
    ['GET /v1/node HTTP/1.1', 'Host: evil.example', `Content-Length: ${smuggled.length}`],
    [
      'DELETE /v1/executions/x HTTP/1.1',
      'Host: localhost',
      `Authorization: ${token}`,
      `Content-Length: ${smuggled.length}`,
    ],
  ]) {
    const answer = await exchange(node.ports.token, ...head, 'Connection: close', '', smuggled)
    assert.deepEqual(answer.match(/HTTP\/1\.1 \d{3}/g)?.length, 1, answer)
  }
})
