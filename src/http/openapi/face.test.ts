import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { V1_OPERATIONS } from '../v1/routes.ts'
import { openV1Node } from '../v1/v1-node.fixture.ts'
import { ask } from '../wire-kit.fixture.ts'
import type { OpenApiDocument } from './document.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())

test('the document is sound OpenAPI 3.1, and names every operation once', async () => {
  const { status, text, headers } = await ask(node.ports.open, { method: 'GET', path: '/openapi.json' })
  assert.deepEqual([status, headers['content-type']], [200, 'application/json'])
  const document = JSON.parse(text) as OpenApiDocument
  assert.deepEqual(await new Validator().validate(JSON.parse(text)), { valid: true })
  const ids = Object.values(document.paths).flatMap((entries) =>
    Object.values(entries).map((entry) => entry.operationId),
  )
  assert.equal(new Set(ids).size, ids.length)
  for (const { id } of V1_OPERATIONS) assert.ok(ids.includes(id), id)
})

test('the page names every operation, runs no script and takes nothing from elsewhere', async () => {
  const { status, text, headers } = await ask(node.ports.open, { method: 'GET', path: '/docs' })
  assert.equal(status, 200)
  assert.match(String(headers['content-security-policy']), /^default-src 'none'; style-src 'self';/)
  for (const { id, summary } of V1_OPERATIONS) {
    assert.ok(text.includes(`<article id="${id}">`), id)
    const shown = summary.replaceAll('`', '').replaceAll("'", '&#39;').replaceAll('"', '&quot;')
    assert.ok(text.replaceAll(/<\/?code>/g, '').includes(shown), summary)
  }
  assert.doesNotMatch(text, /<script|https?:\/\/(?!127\.0\.0\.1)/i)
})

test('what is at no path of the document, and what would change something, is refused', async () => {
  const knock = async (method: string, path: string) => (await ask(node.ports.open, { method, path })).status
  assert.equal(await knock('GET', '/docs/nothing'), 404)
  assert.equal(await knock('GET', '/docs/../v1/executions'), 404)
  assert.equal(await knock('POST', '/docs'), 405)
  const foreign = await ask(node.ports.open, { method: 'GET', path: '/docs', headers: { host: 'evil.example' } })
  assert.equal(foreign.status, 421)
})

test('a listener with tokens shows the description to nobody else', async () => {
  assert.equal((await ask(node.ports.token, { method: 'GET', path: '/openapi.json' })).status, 404)
})
