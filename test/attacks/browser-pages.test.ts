import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { MECA_ROUTES } from '../../src/http/meca/routes.ts'
import type { Route } from '../../src/http/v1/route.ts'
import { V1_ROUTES } from '../../src/http/v1/routes.ts'
import { openBrowser, type TestBrowser } from '../support/chromium.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { type Attempt, attackFrom, type Target } from '../support/hostile-page.ts'
import { scale } from '../support/scale.ts'

// Pages in a real browser on the operator's machine, that try to use and to read the node. The attacker owns `evil.example`,
// which leads here.

const EVIL = 'evil.example'
const TASK = '{"id":"hello","input":"x"}'

/** The guards are the same for all: of each group, one route of each method is tried in every run, the others in a full one. */
function isOneOfItsKind({ operation: { tag, method } }: Route, index: number, all: readonly Route[]): boolean {
  return all.findIndex(({ operation }) => operation.tag === tag && operation.method === method) === index
}

const TARGETS: readonly Target[] = [
  ...MECA_ROUTES.map(({ method, path }) => ({
    method,
    path,
    body: path === '/' ? TASK : path === '/update-config' ? '{"cpu":1,"mem":64,"x":"y"}' : '',
  })),
  ...scale(V1_ROUTES.filter(isOneOfItsKind), V1_ROUTES).map(({ operation: { method, path } }) => ({
    method,
    path: path.replaceAll(/\{[^}]*\}/g, 'x'),
    body: '{"task":{"image":"hello"},"job":"x"}',
  })),
]
/** In every answer of the node that is worth reading, and in no refusal. */
const SECRETS = /task_cpu|"ok"|"success"|hello from the task|"executions"|"capacity"/

describe('pages in a browser', { timeout: 300_000 }, () => {
  let engine: FakeEngine
  let node: FaultDaemon
  let browser: TestBrowser
  let port: number

  before(async () => {
    engine = new FakeEngine({
      images: { hello: { mark: 'meca-init-done', serve: (_request, response) => response.end('hello from the task') } },
    })
    node = await startFaultDaemon({ fake: engine, settings: ['log.access=true'] })
    port = Number(new URL(node.url).port)
    browser = await openBrowser({ loopbackNames: [EVIL] })
  })
  after(async () => {
    await using _node = node
    await browser?.[Symbol.asyncDispose]()
  })

  /** What came to the node from a page that tried everything, and what that page got to read. */
  async function attacked(
    url: string,
    base: string,
  ): Promise<{
    readonly attempts: readonly Attempt[]
    readonly requests: readonly Readonly<Record<string, unknown>>[]
  }> {
    const before = node.log.factsOf('request').length
    const page = await browser.pageFrom(url)
    const attempts = await attackFrom(page, base, TARGETS)
    await page.context().close()
    return { attempts, requests: node.log.factsOf('request').slice(before) }
  }

  const pages: [string, (port: number) => string, (port: number) => string][] = [
    ['another port of this host', () => 'http://127.0.0.1:9/page', (at) => `http://127.0.0.1:${at}`],
    ['another name of this host', (at) => `http://localhost:${at}/page`, (at) => `http://127.0.0.1:${at}`],
    ['a foreign host', () => `http://${EVIL}/page`, (at) => `http://127.0.0.1:${at}`],
    ['a foreign host over TLS', () => `https://${EVIL}/page`, (at) => `http://127.0.0.1:${at}`],
    ['a foreign host by its own name', () => `http://${EVIL}/page`, (at) => `http://${EVIL}:${at}`],
    ['a host that was rebound', (at) => `http://${EVIL}:${at}/page`, (at) => `http://${EVIL}:${at}`],
  ]
  for (const [whose, pageAt, baseAt] of pages) {
    test(`A49: a page of ${whose} can neither use nor read the node`, async (t) => {
      const { attempts, requests } = await attacked(pageAt(port), baseAt(port))
      for (const { how, read } of attempts) assert.doesNotMatch(read ?? '', SECRETS, how)
      assert.ok(!attempts.some(({ read }) => read === 'it opened' || read === 'it loaded'))
      // From another port of the same host a browser asks for images as for its own, without an origin: the answer stays with it.
      const taken = requests.filter(({ status }) => Number(status) < 400)
      for (const { method, path } of taken) assert.match([method, path].join(' '), /^GET \/(?:stats|health)$/)
      if (whose !== 'another port of this host') assert.deepEqual(taken, [])
      assert.equal(engine.calls.create, 0, 'nothing was started')
      await node.assertInvariants()
      t.diagnostic(`${attempts.length} attempts, ${requests.length} requests at the node`)
      assert.ok(requests.length > TARGETS.length, 'they did get here')
    })
  }

  test('the same page reads and uses a server without guards, and the node from an origin of its own', async () => {
    let uses = 0
    await using naive = createServer((request, response) => {
      if (request.method === 'POST') uses += 1
      response.setHeader('access-control-allow-origin', '*').setHeader('access-control-allow-headers', '*').end('"ok"')
    }).listen(0, '127.0.0.1')
    await once(naive, 'listening')
    const other = (naive.address() as AddressInfo).port
    const page = await browser.pageFrom(`http://${EVIL}/page`)
    const attempts = await attackFrom(page, `http://127.0.0.1:${other}`, TARGETS.slice(0, 3))
    assert.ok(attempts.filter(({ read }) => SECRETS.test(read ?? '')).length >= 6)
    assert.ok(attempts.some(({ how, read }) => how.startsWith('fetch as JSON POST') && read === '200 "ok"'))
    assert.ok(uses >= 4, 'forms and fetches, each')
    naive.closeAllConnections()

    const own = await browser.pageFrom(`http://localhost:${port}/page`)
    const answers = await attackFrom(own, `http://localhost:${port}`, TARGETS.slice(0, 3))
    const readBy = (how: string): string => answers.find((each) => each.how === how)?.read ?? ''
    assert.match(readBy('fetch as JSON POST /'), /^200 .*hello from the task/)
    assert.match(readBy('fetch GET /stats'), /^200 .*task_cpu/)
    assert.match(readBy('form POST /'), /content type must be/)
  })
})
