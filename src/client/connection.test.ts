import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { type Clock, systemClock } from '../core/clock.ts'
import { TestCertificate } from '../http/test-certificate.fixture.ts'
import { ErrandClient } from './client.ts'
import { PlayedServer, says } from './played-server.fixture.ts'

const NODE = JSON.stringify({ node: 'test', state: 'paused' })
const JSON_TYPE = 'application/json'
const answers = says(200, JSON_TYPE, NODE)

test('a constructor asks for nothing', async () => {
  await using server = await PlayedServer.open(answers)
  await using _errand = new ErrandClient({ url: server.url, tokenFile: '/none' })
  assert.equal(server.sockets.size, 0)
})

test('a token goes with every request, and one in a file is read anew', async () => {
  await using server = await PlayedServer.open(answers)
  const folder = await mkdtemp(join(tmpdir(), 'errand-client-'))
  await using held = new AsyncDisposableStack()
  held.defer(() => rm(folder, { recursive: true }))
  const tokenFile = join(folder, 'token')
  const errand = held.use(new ErrandClient({ url: server.url, tokenFile }))
  await assert.rejects(errand.node.get(), { code: 'unauthenticated' })
  await writeFile(tokenFile, 'two words\n')
  await assert.rejects(errand.node.get(), ({ code, message }) => {
    return code === 'unauthenticated' && !message.includes('words')
  })
  assert.equal(server.requests.length, 0)
  for (const token of ['ci.first', 'ci.second']) {
    await writeFile(tokenFile, `${token}\n`)
    await errand.node.get()
  }
  await held.use(new ErrandClient({ url: server.url, token: 'ci.third' })).node.get()
  await held.use(new ErrandClient({ url: server.url })).node.get()
  const shown = server.requests.map(({ headers }) => headers.authorization)
  assert.deepEqual(shown, ['Bearer ci.first', 'Bearer ci.second', 'Bearer ci.third', undefined])
})

test('a redirect is not followed, so that no other host sees the token', async () => {
  await using other = await PlayedServer.open(answers)
  for (const status of [301, 302, 303, 307, 308]) {
    await using server = await PlayedServer.open(says(status, 'text/plain', '', { location: other.url }))
    await using errand = new ErrandClient({ url: server.url, token: 'ci.secret' })
    await assert.rejects(errand.node.get(), { code: 'internal', details: { status } })
    await assert.rejects(errand.executions.logs('a').next(), { code: 'internal', details: { status } })
    assert.equal(server.requests.length, 2)
  }
  assert.equal(other.sockets.size, 0)
})

test('a node over TLS has to be vouched for', async () => {
  await using certificate = await TestCertificate.make()
  const [cert, key] = [await readFile(certificate.certPath, 'utf8'), await readFile(certificate.keyPath, 'utf8')]
  const server = createSecureServer({ cert, key }, (_request, response) => {
    response.writeHead(200, { 'content-type': JSON_TYPE }).end(NODE)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using held = new AsyncDisposableStack()
  held.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const known = held.use(new ErrandClient({ url: `https://127.0.0.1:${port}`, ca: cert }))
  assert.equal((await known.node.get()).state, 'paused')
  const unknown = held.use(new ErrandClient({ url: `https://127.0.0.1:${port}` }))
  // At once: another attempt would not help.
  await assert.rejects(unknown.node.get({ patienceMs: Infinity }), { code: 'validation_failed' })
  await using plain = await PlayedServer.open(answers)
  const wrong = held.use(new ErrandClient({ url: plain.url.replace('http:', 'https:') }))
  const speaksNone = {
    code: 'unsupported',
    message: `${plain.url.replace('http:', 'https:')} speaks no TLS: try http://`,
  }
  await assert.rejects(wrong.node.get({ patienceMs: Infinity }), speaksNone)
})

test('a node that is not there is told with whether the call can have had an effect', async () => {
  const gone = await PlayedServer.open(answers)
  const { url: goneUrl } = gone
  await gone[Symbol.asyncDispose]()
  for (const url of [goneUrl, 'unix:///none/errand.sock', 'http://host.invalid']) {
    await using errand = new ErrandClient({ url, patienceMs: 0 })
    const unsent = { code: 'node_unavailable', details: { mayHaveArrived: false } }
    await assert.rejects(errand.node.get(), unsent, url)
    const advises = (error: Error): boolean => error.message.includes('is it running? `errand serve`')
    if (!url.includes('invalid')) await assert.rejects(errand.node.get(), advises)
    await assert.rejects(errand.executions.exec('a', ['true']), unsent, url)
    await assert.rejects(errand.executions.logs('a').next(), unsent, url)
    await assert.rejects(errand.executions.wait('a'), unsent, url)
  }
})

test('a refusal for now is heeded by calls that do no harm twice, and by no others', async () => {
  const problem = JSON.stringify({ code: 'queue_full', detail: 'full', status: 429, details: {}, retryAfterMs: 1 })
  const later = says(429, 'application/problem+json', problem)
  await using server = await PlayedServer.open(later, later, answers, later)
  await using errand = new ErrandClient({ url: server.url })
  assert.equal((await errand.node.get()).state, 'paused')
  assert.equal(server.requests.length, 3)
  await assert.rejects(errand.node.pause(), { code: 'queue_full', retryAfterMs: 1 })
  await assert.rejects(errand.executions.exec('a', ['true']), { code: 'queue_full' })
  assert.equal(server.requests.length, 5)
})

test('a node that was there, and cut off while it was waited for, begins to be away only then', async () => {
  let nowMs = 0
  const cut: RequestListener = (request) => {
    nowMs += 5000
    request.socket.destroy()
  }
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => nowMs,
    setTimer: (delayMs, callback) => systemClock.setTimer(delayMs > 10_000 ? delayMs : 0, callback),
  }
  await using server = await PlayedServer.open(cut, cut, cut, says(200, JSON_TYPE, '{"id": "a"}'))
  await using errand = new ErrandClient({ url: server.url, patienceMs: 2000 }, { clock })
  assert.equal((await errand.executions.wait('a')).id, 'a')
  assert.equal(server.requests.length, 4)
})

test('every attempt to submit has the same key, and every submission its own', async () => {
  const problem = JSON.stringify({ code: 'draining', detail: '', status: 503, details: {}, retryAfterMs: 1 })
  const view = says(201, JSON_TYPE, '{"id": "a"}')
  await using server = await PlayedServer.open(says(503, 'application/problem+json', problem), view)
  await using errand = new ErrandClient({ url: server.url })
  const body = { task: { image: 'x' } }
  await errand.executions.submit(body)
  await errand.executions.submit(body)
  await errand.executions.submit(body, { idempotencyKey: 'mine' })
  const [first, again, second, third] = server.requests.map(({ headers }) => headers['idempotency-key'])
  assert.equal(first, again)
  assert.notEqual(second, first)
  assert.equal(third, 'mine')
})

test('an answer that is no JSON, not that of /v1, or has no end breaks nothing', async () => {
  const endless = says(200, JSON_TYPE, `"${'x'.repeat(65 * 1024 * 1024)}"`)
  await using server = await PlayedServer.open(
    says(200, JSON_TYPE, '{'),
    says(200, 'text/html', '<p>hello'),
    says(203, JSON_TYPE, NODE),
    endless,
  )
  await using errand = new ErrandClient({ url: server.url, patienceMs: 0 })
  for (const code of ['internal', 'internal', 'internal', 'response_too_large']) {
    await assert.rejects(errand.node.get(), { name: 'ErrandError', code })
  }
})

test('a program with a call under way lives until its answer, and then ends by itself', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-client-'))
  await using held = new AsyncDisposableStack()
  held.defer(() => rm(folder, { recursive: true }))
  const path = join(folder, 'errand.sock')
  const source = `import { ErrandClient } from '${import.meta.dirname}/client.ts'
    const random = () => (console.log('not there yet'), 0)
    const errand = new ErrandClient({ url: 'unix://${path}', patienceMs: Infinity }, { random })
    console.log((await errand.node.get()).state)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source])
  const exited = once(child, 'exit')
  const printed = text(child.stdout)
  await once(child.stdout, 'data')
  const server = createServer((request, response) => answers(request, response)).listen(path)
  held.defer(() => void server.close())
  assert.deepEqual(await exited, [0, null])
  assert.match(await printed, /paused\n$/)
})
