import assert from 'node:assert/strict'
import type { OutgoingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { type Answer, ask, exchange, fakeNode, type ServedFace, serveFace } from './wire-kit.fixture.ts'

const HELLO = '{"id":"a","input":"x"}'
const JSON_TYPE = { 'content-type': 'application/json' }

function post(face: ServedFace, headers: OutgoingHttpHeaders): Promise<Answer> {
  return ask(face.port, { body: HELLO, headers })
}

async function assertRefused(answer: Promise<Answer>, status: number, code: string, about: string): Promise<void> {
  const { status: actual, headers, text } = await answer
  assert.deepEqual([actual, headers['errand-code']], [status, code], about)
  assert.equal(JSON.parse(text).code, code, about)
}

test('a foreign Host is refused with 421, on every path', async () => {
  await using face = await serveFace({ node: fakeNode(), allowedHosts: ['node.example'] })
  for (const path of ['/', '/stats', '/health', '/pause', '/nowhere']) {
    for (const host of ['evil.example', 'localhost.evil.example:80', 'evil.example:']) {
      const answer = ask(face.port, { method: 'GET', path, headers: { host } })
      await assertRefused(answer, 421, 'forbidden', `${host} at ${path}`)
    }
  }
  for (const host of ['localhost', `127.0.0.1:${face.port}`, '[::1]:9', 'node.example:1']) {
    assert.equal((await post(face, { host })).status, 200, host)
  }
  const nameless = await exchange(face.port, 'GET /health HTTP/1.1', 'Host:', 'Connection: close', '', '')
  assert.match(nameless, /^HTTP\/1\.1 421 /)
})

test("another origin's page is refused with 403, our own origin's is not", async () => {
  await using face = await serveFace({ node: fakeNode() })
  const host = `localhost:${face.port}`
  const foreign = ['null', '', 'http://evil.example', 'http://localhost', `http://localhost:${face.port}.evil.example`]
  for (const origin of [...foreign, `http://127.0.0.1:${face.port}`, `ftp://${host}`]) {
    await assertRefused(post(face, { host, origin, ...JSON_TYPE }), 403, 'forbidden', `Origin ${origin}`)
  }
  const head = ['GET /health HTTP/1.1', `Host: ${host}`, `Origin: http://${host}`, 'Connection: close']
  assert.match(await exchange(face.port, ...head, '', ''), /^HTTP\/1\.1 200 /)
  assert.match(await exchange(face.port, ...head, 'Origin: http://evil.example', '', ''), /^HTTP\/1\.1 403 /)
  for (const origin of [`http://${host}`, `https://${host}`]) {
    assert.equal((await post(face, { host, origin, ...JSON_TYPE })).status, 200, origin)
  }
})

test('a cross-site request is refused with 403, with or without an Origin', async () => {
  await using face = await serveFace({ node: fakeNode() })
  await assertRefused(post(face, { 'sec-fetch-site': 'cross-site', ...JSON_TYPE }), 403, 'forbidden', 'a post')
  const get = ask(face.port, { method: 'GET', path: '/stats', headers: { 'sec-fetch-site': 'cross-site' } })
  await assertRefused(get, 403, 'forbidden', 'a get')
  for (const site of ['same-origin', 'none']) {
    assert.equal((await post(face, { 'sec-fetch-site': site })).status, 200, site)
  }
})

test('a body from a page must say that it is JSON; without an Origin no type is needed', async () => {
  await using face = await serveFace({ node: fakeNode() })
  const host = `localhost:${face.port}`
  const origin = `http://${host}`
  for (const type of ['text/plain', 'application/jsonx', 'application/x-www-form-urlencoded', 'text/json']) {
    await assertRefused(post(face, { host, origin, 'content-type': type }), 415, 'validation_failed', type)
    assert.equal((await post(face, { 'content-type': type })).status, 200, type)
  }
  await assertRefused(post(face, { host, origin }), 415, 'validation_failed', 'no type')
  assert.equal((await post(face, { host, origin, 'content-type': 'Application/JSON; charset=utf-8' })).status, 200)
  const empty = await ask(face.port, { path: '/pause', headers: { host, origin, 'content-type': 'text/plain' } })
  assert.equal(empty.status, 200, 'an empty body has no type to get wrong')
})

test('a compressed body is refused with 415', async () => {
  await using face = await serveFace({ node: fakeNode() })
  for (const coding of ['gzip', 'br', 'deflate', 'identity, gzip']) {
    await assertRefused(post(face, { 'content-encoding': coding }), 415, 'validation_failed', coding)
  }
  assert.equal((await post(face, { 'content-encoding': 'identity' })).status, 200)
  const head = ['POST / HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: gzip, chunked', 'Connection: close']
  assert.match(await exchange(face.port, ...head, '', '0', '', ''), /^HTTP\/1\.1 415 /)
})

test('two Host headers, none, or a target that is no path are refused with 400', async () => {
  await using face = await serveFace({ node: fakeNode() })
  const heads = [
    ['GET /health HTTP/1.1', 'Host: localhost', 'Host: localhost'],
    ['GET /health HTTP/1.1', 'Host: localhost', 'hOST: evil.example'],
    ['GET /health HTTP/1.1'],
    ['GET /health HTTP/1.0'],
    ['GET http://localhost/health HTTP/1.1', 'Host: localhost'],
    ['GET http://evil.example/health HTTP/1.1', 'Host: localhost'],
    ['OPTIONS * HTTP/1.1', 'Host: localhost'],
  ]
  for (const head of heads) {
    const answer = await exchange(face.port, ...head, 'Connection: close', '', '')
    assert.match(answer, /^HTTP\/1\.1 400 .*\r\nerrand-code: validation_failed\r\n/s, head.join(' | '))
  }
})

test('a unix socket needs no guard against browsers, but takes nothing ambiguous', async () => {
  await using face = await serveFace({ node: fakeNode(), isTcp: false })
  assert.equal((await post(face, { host: 'evil.example', origin: 'http://evil.example' })).status, 200)
  await assertRefused(post(face, { 'content-encoding': 'gzip' }), 415, 'validation_failed', 'compressed')
  const answer = await exchange(face.port, 'GET /health HTTP/1.1', 'Host: a', 'Host: b', 'Connection: close', '', '')
  assert.match(answer, /^HTTP\/1\.1 400 /)
})
