import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exchange, fakeNode, RawConnection, serveFace } from './wire-kit.fixture.ts'

const HELLO = '{"id":"a","input":"x"}'
const HEAD = ['POST / HTTP/1.1', 'Host: localhost']

function statuses(answers: string): string[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1] ?? '')
}

test('a request that two servers could read differently is refused and its connection closed', async () => {
  const node = fakeNode()
  await using face = await serveFace({ node })
  const smuggled = 'POST /stop HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const requests = [
    [...HEAD, 'Content-Length: 5', 'Transfer-Encoding: chunked', '', '0', '', smuggled],
    [...HEAD, 'Content-Length: 22', 'Content-Length: 23', '', HELLO],
    [...HEAD, 'Transfer-Encoding: xchunked', '', HELLO],
    [...HEAD, 'Transfer-Encoding: chunked, identity', '', HELLO],
    [...HEAD, 'Content-Length : 22', '', HELLO],
    [...HEAD, 'Content-Length: +22', '', HELLO],
    [...HEAD, 'X: a', ' folded: b', 'Content-Length: 22', '', HELLO],
    [...HEAD, 'Transfer-Encoding: chunked', '', 'zz', HELLO, '0', '', ''],
    ['POST / HTTP/1.1\nHost: localhost\nContent-Length: 22\n', HELLO],
    ['nonsense', '', ''],
  ]
  for (const request of requests) {
    const answer = await exchange(face.port, ...request)
    assert.ok(['400', '415'].includes(statuses(answer).join()), request.join(' | '))
    assert.match(answer, /\r\nerrand-code: validation_failed\r\n/, request.join(' | '))
  }
  assert.deepEqual(node.invocations, [])
})

test('headers above 16 KiB are refused with 431', async () => {
  await using face = await serveFace({ node: fakeNode() })
  const answer = await exchange(face.port, ...HEAD, `X: ${'x'.repeat(17 * 1024)}`, '', '')
  assert.deepEqual(statuses(answer), ['431'])
  assert.match(answer, /\r\nerrand-code: validation_failed\r\n/)
})

test('a body longer than it said is not read on: the request is answered, and what follows is none', async () => {
  const node = fakeNode()
  await using face = await serveFace({ node })
  const answer = await exchange(face.port, ...HEAD, 'Content-Length: 22', '', `${HELLO}garbage`, '', '')
  assert.deepEqual(statuses(answer), ['200'])
  assert.match(answer, /connection: close/i)
  assert.equal(node.invocations.length, 1)
})

test('garbage behind a request that is being answered takes no answer away', async () => {
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const node = fakeNode({
    invoke: async ({ body }) => {
      asked.resolve()
      await answer.promise
      return { status: 200, body: Buffer.from(body) }
    },
  })
  await using face = await serveFace({ node })
  const heads = [[], ['Content-Length: 5', 'Content-Length: 6'], ['Transfer-Encoding: chunked', '', 'zz']]
  const connections = heads.map((head) => {
    const connection = new RawConnection(face.port)
    connection.write(...HEAD, 'Content-Length: 22', '', HELLO)
    connection.write(...(head.length === 0 ? ['garbage'] : [...HEAD, ...head]), '', '')
    return connection
  })
  await asked.promise
  await connections[2]?.untilClosed()
  answer.resolve()
  for (const connection of connections.slice(0, 2)) {
    assert.deepEqual(statuses(await connection.untilClosed()), ['200'])
  }
  assert.equal(await connections[2]?.untilClosed(), '', 'half a request behind another: nothing can be said in order')
})

test('headers that come too slowly are answered with 408 and cut', async () => {
  await using face = await serveFace({ node: fakeNode() }, { headersTimeoutMs: 20, checkIntervalMs: 5 })
  const answer = await exchange(face.port, ...HEAD, 'X: ')
  assert.deepEqual(statuses(answer), ['408'])
  assert.match(answer, /\r\nerrand-code: deadline_exceeded\r\n/)
})

test('a body shorter than it said is waited for until the request time-out, then answered with 408', async () => {
  const node = fakeNode()
  const limits = { headersTimeoutMs: 20, requestTimeoutMs: 20, checkIntervalMs: 5 }
  await using face = await serveFace({ node }, limits)
  const answer = await exchange(face.port, ...HEAD, 'Content-Length: 23', '', HELLO)
  assert.deepEqual(statuses(answer), ['408'])
  assert.deepEqual(node.invocations, [])
})

test('an oversize body is refused as soon as it shows, and the refusal arrives', async () => {
  const node = fakeNode()
  await using face = await serveFace({ node, maxRequestBytes: 1000 })
  using declared = new RawConnection(face.port)
  declared.write(...HEAD, 'Content-Length: 1001', '', '')
  assert.match(await declared.until('larger than'), /^HTTP\/1\.1 413 .*errand-code: validation_failed/s)

  using counted = new RawConnection(face.port)
  const chunk = `1f4\r\n${'x'.repeat(500)}`
  counted.write(...HEAD, 'Transfer-Encoding: chunked', '', chunk, chunk, '1', 'x', '')
  assert.match(await counted.until('larger than'), /^HTTP\/1\.1 413 .*connection: close/is)
  counted.write(...Array.from({ length: 100 }, () => chunk), '0', '', '')
  await counted.untilClosed()
  assert.deepEqual(node.invocations, [])
})

test('a body of exactly the bound is taken, in one piece or byte by byte', async () => {
  const node = fakeNode()
  await using face = await serveFace({ node, maxRequestBytes: HELLO.length })
  const bytes = HELLO.split('').flatMap((byte) => ['1', byte])
  const requests = [
    [...HEAD, `Content-Length: ${HELLO.length}`, 'Connection: close', '', HELLO],
    [...HEAD, 'Transfer-Encoding: chunked', 'Connection: close', '', ...bytes, '0', '', ''],
  ]
  for (const request of requests) assert.match(await exchange(face.port, ...request), /"success":true,"msg":"x"/)
})

test('pipelined requests are answered in their order', async () => {
  await using face = await serveFace({ node: fakeNode() })
  const request = (input: string): string =>
    [...HEAD, 'Content-Length: 22', '', `{"id":"a","input":"${input}"}`].join('\r\n')
  using connection = new RawConnection(face.port)
  connection.write('123456789'.split('').map(request).join(''))
  const answers = await connection.until('"msg":"9"')
  assert.deepEqual([...answers.matchAll(/"msg":"(\d)"/g)].map((match) => match[1]).join(''), '123456789')
})

test('an unknown expectation is ignored, and a body that waits for permission gets it', async () => {
  await using face = await serveFace({ node: fakeNode() })
  const odd = await exchange(face.port, ...HEAD, 'Expect: tea', 'Content-Length: 22', 'Connection: close', '', HELLO)
  assert.deepEqual(statuses(odd), ['200'])
  using connection = new RawConnection(face.port)
  connection.write(...HEAD, 'Expect: 100-continue', 'Content-Length: 22', '', '')
  await connection.until('HTTP/1.1 100 Continue')
  connection.write(HELLO)
  await connection.until('"success":true')
})

test('an upgrade is not taken up', async () => {
  await using face = await serveFace({ node: fakeNode() })
  const head = ['GET /health HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: upgrade, close']
  assert.deepEqual(statuses(await exchange(face.port, ...head, '', '')), ['200'])
})
