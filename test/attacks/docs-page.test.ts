import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { type OpenApiDocument, openApiDocument } from '../../src/http/openapi/document.ts'
import { docsPage } from '../../src/http/openapi/page.ts'
import { V1_OPERATIONS } from '../../src/http/v1/routes.ts'
import { openV1Node } from '../../src/http/v1/v1-node.fixture.ts'
import { openBrowser, type TestBrowser } from '../support/chromium.ts'

/** Each would set `window.hit`, in some place of a page. */
const PAYLOADS = [
  '<script>window.hit=1</script>',
  '"><img src=x onerror=window.hit=2>',
  "'><svg onload=window.hit=3>",
  '</code></title></style><iframe srcdoc="<script>parent.hit=4</script>"></iframe>',
  'javascript:window.hit=5',
  '`<b onmouseover=window.hit=6>`',
  '<!--><script>window.hit=7</script>-->',
]

let browser: TestBrowser
before(async () => {
  browser = await openBrowser()
})
after(() => browser?.[Symbol.asyncDispose]())

test('A50: the page of the description is seen as it is meant, without a script or a word of elsewhere', async () => {
  await using node = await openV1Node()
  const page = await browser.newPage()
  const troubles: string[] = []
  page.on('console', (message) => troubles.push(message.text()))
  page.on('pageerror', (error) => troubles.push(String(error)))
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await page.goto(`http://127.0.0.1:${node.ports.open}/docs`)
  assert.deepEqual(asked.filter((path) => path !== '/favicon.ico').toSorted(), ['/docs', '/docs/style.css'])
  assert.deepEqual(
    troubles.filter((text) => !text.includes('favicon')),
    [],
  )
  assert.equal(await page.evaluate('getComputedStyle(document.body).display'), 'grid', 'its style is applied')
  assert.equal(await page.evaluate("document.querySelectorAll('script').length"), 0)
  const ids = await page.$$eval('main article[id]', (articles) => articles.map(({ id }) => id))
  for (const { id } of V1_OPERATIONS) assert.ok(ids.includes(id), id)
})

test('A50: whatever stands in a description, nothing of it is run, with a policy or without', async () => {
  const page = await browser.newPage()
  for (const payload of PAYLOADS) {
    await using site = await serve(docsPage(poisoned(payload)))
    await page.goto(site.url)
    assert.equal(await page.evaluate("'hit' in window"), false, payload)
    assert.equal(await page.evaluate(`document.querySelectorAll('script, img, svg, iframe, b[onmouseover]').length`), 0)
    assert.ok((await page.textContent('main'))?.includes(payload.replaceAll('`', '')), payload)
  }
})

/** The document with one text in the place of every text. */
function poisoned(payload: string): OpenApiDocument {
  const poison = (value: unknown, key = ''): unknown => {
    if (Array.isArray(value)) return value.map((each) => poison(each, key))
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, poison(inner, name)]))
    }
    return typeof value === 'string' && !STRUCTURE.has(key) ? payload : value
  }
  return poison(openApiDocument(V1_OPERATIONS, payload)) as OpenApiDocument
}

/** Without these nothing would be shown at all. */
const STRUCTURE: ReadonlySet<string> = new Set(['name', 'tags', '$ref'])

async function serve(html: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
