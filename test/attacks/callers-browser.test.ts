import assert from 'node:assert/strict'
import type { OutgoingHttpHeaders } from 'node:http'
import { after, afterEach, before, describe, test } from 'node:test'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { type Answer, ask } from '../../src/http/wire-kit.fixture.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'

// A page in the operator's browser: it can send requests to this host, and would like to read the answers.

const CALLS = [
  { method: 'POST', path: '/', body: '{"id":"hello","input":""}' },
  { method: 'POST', path: '/pause', body: '' },
  { method: 'POST', path: '/unpause', body: '' },
  { method: 'POST', path: '/update-config', body: '{"cpu":1,"mem":64}' },
  { method: 'POST', path: '/stop', body: '' },
  { method: 'GET', path: '/stats', body: '' },
  { method: 'GET', path: '/health', body: '' },
  { method: 'OPTIONS', path: '/', body: '' },
  { method: 'OPTIONS', path: '/stop', body: '' },
  { method: 'GET', path: '/nowhere', body: '' },
] as const

describe('a page of another origin', { timeout: 60_000 }, () => {
  let node: FaultDaemon
  let engine: FakeEngine
  let port: number

  before(async () => {
    engine = new FakeEngine({
      images: { hello: { mark: 'meca-init-done', serve: (_request, response) => response.end('hello') } },
    })
    node = await startFaultDaemon({ fake: engine })
    port = Number(new URL(node.url).port)
  })
  afterEach(() => node.assertInvariants())
  after(async () => node[Symbol.asyncDispose]())

  async function assertAllRefused(headers: OutgoingHttpHeaders, status: number): Promise<void> {
    for (const { method, path, body } of CALLS) {
      const answer = await ask(port, { method, path, body, headers })
      const about = `${method} ${path} with ${JSON.stringify(headers)}`
      assert.deepEqual([answer.status, answer.headers['errand-code']], [status, 'forbidden'], about)
      assertUnreadable(answer, about)
    }
    assert.equal(engine.calls.create, 0, 'nothing was started')
    assert.equal((await ask(port, { method: 'GET', path: '/stats' })).text.includes('"success":false'), false)
  }

  test('A49: a name that was rebound to this host is refused with 421, on every route', async () => {
    const hosts = [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'a.localhost',
    ]
    for (const host of [
      ...hosts,
      '127.0.0.1.nip.io',
      'evil.example.',
      'xn--lcalhost-54a',
      '0x7f000001',
      '2130706433',
    ]) {
      await assertAllRefused({ host }, 421)
      await assertAllRefused({ host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }, 421)
    }
  })

  test('A49: a request of another origin is refused with 403, on every route', async () => {
    const json = { 'content-type': 'application/json' }
    const origins = [
      'http://evil.example',
      'null',
      'http://localhost',
      'http://localhost:9',
      'https://127.0.0.1',
      'file://',
    ]
    for (const origin of [...origins, `http://127.0.0.1:${port}`, `http://localhost:${port}@evil.example`, '']) {
      await assertAllRefused({ host: `localhost:${port}`, origin, ...json }, 403)
    }
    await assertAllRefused({ 'sec-fetch-site': 'cross-site', ...json }, 403)
  })

  test('A49: what a form can send is refused even from our own origin, since it needs no preflight', async () => {
    const host = `localhost:${port}`
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      for (const { path, body } of CALLS.filter(({ body }) => body !== '')) {
        const headers = { host, origin: `http://${host}`, 'content-type': type }
        const answer = await ask(port, { path, body, headers })
        assert.deepEqual(
          [answer.status, answer.headers['errand-code']],
          [415, 'validation_failed'],
          `${path} as ${type}`,
        )
      }
    }
    assert.equal(engine.calls.create, 0)
  })

  test('A49: no answer grants a page anything, and a preflight least of all', async () => {
    const host = `localhost:${port}`
    const preflight = {
      host,
      origin: `http://${host}`,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
      'access-control-request-private-network': 'true',
    }
    for (const { path } of CALLS) {
      const answer = await ask(port, { method: 'OPTIONS', path, headers: preflight })
      assert.ok(answer.status === 405 || answer.status === 404, path)
      assertUnreadable(answer, path)
    }
    const own = await ask(port, { method: 'GET', path: '/health', headers: { host, origin: `http://${host}` } })
    assert.equal(own.status, 200)
    assertUnreadable(own, 'even an allowed one')
  })
})

function assertUnreadable({ headers }: Answer, about: string): void {
  const names = Object.keys(headers)
  assert.deepEqual(
    names.filter((name) => name.startsWith('access-control-') || name === 'set-cookie'),
    [],
    about,
  )
}
