import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Scrape } from '../../../test/support/exposition.ts'
import { openV1Node, problemIn } from '../../http/v1/v1-node.fixture.ts'
import { ask, RawConnection } from '../../http/wire-kit.fixture.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const scraper = await node.token('prometheus', 'read')

test('the unix socket tells what is measured to whoever may open it', async () => {
  const { status, headers, text } = await node.call(undefined, 'GET /metrics')
  assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
  assert.equal(Number(headers['content-length']), Buffer.byteLength(text))
  assert.equal(new Scrape(text).sum('errand_node_accepts_work'), 1)
})

test('over TCP it takes a token with the scope read, with and without auth: token', async () => {
  for (const port of Object.values(node.ports)) {
    const scrape = (authorization?: string) =>
      ask(port, { method: 'GET', path: '/metrics', ...(authorization && { headers: { authorization } }) })
    assert.equal((await scrape(scraper)).status, 200)
    assert.deepEqual([(await scrape()).status, problemIn(await scrape()).code], [401, 'unauthenticated'])
    assert.equal((await scrape('Bearer prometheus.wrong')).status, 401)
    const submitter = await node.token(`submitter-${port}`, 'submit')
    assert.deepEqual([(await scrape(submitter)).status, problemIn(await scrape(submitter)).code], [403, 'forbidden'])
  }
})

test('it takes GET and HEAD alone, at its own path, with a query or without, and no foreign Host', async () => {
  const head = await node.call(scraper, 'HEAD /metrics')
  assert.deepEqual([head.status, head.text], [200, ''])
  assert.equal((await node.call(scraper, 'GET /metrics?x=1')).status, 200)
  const post = await node.call(scraper, 'POST /metrics')
  assert.deepEqual([post.status, post.headers.allow], [405, 'GET, HEAD'])
  assert.equal((await node.call(scraper, 'GET /metrics/x')).status, 404)
  assert.equal((await node.call(scraper, 'GET /metrics', undefined, { host: 'evil.example' })).status, 421)
})

test('requests are counted by face, route, method and status, never by what callers make up', async () => {
  await node.call(scraper, 'GET /v1/executions/none-of-this-name')
  await node.call(scraper, 'GET /v1/made-up')
  await node.call(undefined, 'GET /made-up')
  await ask(node.ports.token, { method: 'PROPFIND', path: '/v1/node' })
  await node.call(undefined, 'GET /health')
  await node.call(undefined, 'GET /openapi.json')
  const { text } = await node.call(undefined, 'GET /metrics')
  const scrape = new Scrape(text)
  const count = (face: string, route: string, method: string, status: string): number =>
    scrape.sum('errand_http_request_duration_seconds_count', { face, route, method, status })
  assert.equal(count('v1', '/v1/executions/{id}', 'GET', '4xx'), 1)
  assert.equal(count('v1', 'other', 'GET', '4xx'), 2) // `/metrics/x` before: listeners with tokens have no MECA face
  assert.equal(count('v1', 'other', 'other', '4xx'), 1)
  assert.equal(count('meca', 'other', 'GET', '4xx'), 1)
  assert.equal(count('meca', '/health', 'GET', '2xx'), 1)
  assert.equal(count('docs', '/openapi.json', 'GET', '2xx'), 1)
  assert.ok(count('metrics', '/metrics', 'GET', '2xx') >= 1)
  assert.doesNotMatch(text, /made-up|none-of-this-name|PROPFIND/)
})

test('a caller that leaves before its answer has ended is counted as cut', async () => {
  const cut = async (): Promise<number> => {
    const scrape = new Scrape((await node.call(undefined, 'GET /metrics')).text)
    return scrape.sum('errand_http_request_duration_seconds_count', { route: '/v1/events', status: 'cut' })
  }
  {
    using caller = new RawConnection(node.ports.token)
    caller.write('GET /v1/events HTTP/1.1', 'host: localhost', `authorization: ${scraper}`, '', '')
    await caller.until('200 OK')
    assert.equal(await cut(), 0)
  }
  while ((await cut()) === 0);
  assert.equal(await cut(), 1)
})
