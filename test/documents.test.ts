import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { HTTP_STATUS } from '../src/core/errors.ts'
import { MECA_ROUTES } from '../src/http/meca/routes.ts'
import { V1_OPERATIONS } from '../src/http/v1/routes.ts'
import { type Document, readDocument, readDocuments } from './support/documents.ts'

const ROOT = join(import.meta.dirname, '..')
const documents = await readDocuments()
const anchors = new Map(documents.map(({ path, prose }) => [path, anchorsOf(prose)]))

/** Those of headings, as GitHub makes them. */
function anchorsOf(prose: string): ReadonlySet<string> {
  const found = new Map<string, number>()
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slugOf(heading))
  const all = headings.map((slug) => {
    const seen = found.get(slug) ?? 0
    found.set(slug, seen + 1)
    return seen === 0 ? slug : `${slug}-${seen}`
  })
  return new Set(all)
}

function slugOf(heading: string): string {
  const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
  return words.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

/** What a page links to in this repository: a path, and a heading there. */
function linksOf({ prose }: Document): string[] {
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}

function faultOf(path: string, link: string): string | undefined {
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? path : normalize(join(dirname(path), file))
  if (!existsSync(join(ROOT, target))) return `${path}: there is no ${link}`
  if (anchor === undefined || anchors.get(target)?.has(anchor) === true) return undefined
  return `${path}: ${target} has no heading #${anchor}`
}

/** Tests that a cell of a table names, with the folder of the one before where one has none. */
function testsIn(cell: string): string[] {
  let folder = ''
  return [...cell.matchAll(/`([\w./-]+)`/g)].flatMap(([, name = '']) => {
    if (name.includes('/')) folder = dirname(name)
    return folder === '' ? [] : join(folder, basename(name))
  })
}

test('every link in the documents leads to a file and heading that there is', () => {
  const links = documents.flatMap((document) => linksOf(document).map((link) => [document.path, link] as const))
  assert.ok(links.length > 100, `${links.length} links`)
  assert.deepEqual(
    links.flatMap(([path, link]) => faultOf(path, link) ?? []),
    [],
  )
})

test('every page of the guide is listed in the index of the documentation', async () => {
  const index = linksOf(await readDocument('docs/README.md')).map((link) => join('docs', link.split('#')[0] ?? ''))
  const pages = documents.map(({ path }) => path).filter((path) => /^docs\/(guide\/)?[\w-]+\.md$/.test(path))
  assert.deepEqual(
    pages.filter((path) => path !== 'docs/README.md' && !index.includes(path)),
    [],
  )
})

async function promisedTests(): Promise<string[]> {
  const { text } = await readDocument('docs/promises.md')
  return [...text.matchAll(/^\| [^|]+ \| ([^|]+) \| [^|]+ \|$/gm)].flatMap(([, cell = '']) => testsIn(cell))
}

test('every test that a promise names is there', async () => {
  const tests = await promisedTests()
  assert.ok(tests.length > 100, `${tests.length} tests`)
  assert.deepEqual(
    tests.filter((path) => !existsSync(join(ROOT, path))),
    [],
  )
})

test('nobody is told to install from npm a package that is not there', () => {
  const told = documents.filter(({ text }) => /(npm (install|i|add)|npx)( -[-\w]+)* errand(\s|@|$)/m.test(text))
  assert.deepEqual(
    told.map(({ path }) => path),
    [],
  )
})

test('the README has every import of the package, and no other', async () => {
  const { text } = await readDocument('README.md')
  const [, section = ''] = text.split('### The library')
  const [table = ''] = section.split('\n## ')
  const named = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { exports: object }
  const exported = Object.keys(exports).map((subpath) => subpath.replace(/^\./, 'errand'))
  assert.deepEqual(new Set(named), new Set(exported))
})

test('operators find every code in the guide to the operation of a node', async () => {
  const { text } = await readDocument('docs/guide/operate-a-node.md')
  const [, section = ''] = text.split('## Troubleshooting by code')
  const [table = ''] = section.split('\n## ')
  const named = new Set([...table.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  assert.deepEqual(
    Object.keys(HTTP_STATUS).filter((code) => !named.has(code)),
    [],
  )
})

test('the guide to the HTTP interface has every route with its scope, and no other', async () => {
  const { text } = await readDocument('docs/guide/http-api.md')
  const rows = [...text.matchAll(/^\| `([A-Z]+ \/v1[^`]*)` \| `(\w+)` \|/gm)].map(([, route, scope]) => [route, scope])
  const operations = V1_OPERATIONS.map(({ method, path, scope }) => [`${method} ${path}`, scope])
  assert.equal(rows.length, operations.length)
  assert.deepEqual(Object.fromEntries(rows), Object.fromEntries(operations))
})

test('contributors find every folder of the sources in their guide', async () => {
  const { text } = await readDocument('CONTRIBUTING.md')
  const told = [...text.matchAll(/^\| \*\*(\w+)\*\* \|/gm)].map(([, folder]) => folder)
  assert.deepEqual(new Set(told), new Set(await readdir(join(ROOT, 'src'))))
})

test('the page for those who come from MECAnywhere has every call of that interface, and no other', async () => {
  const { text } = await readDocument('docs/guide/mecanywhere.md')
  const [, section = ''] = text.split('## The calls')
  const told = [...section.matchAll(/^\| (`.*?) \| /gm)].flatMap(
    ([, cell = '']) => cell.match(/(GET|POST) \/[\w-]*/g) ?? [],
  )
  assert.deepEqual(new Set(told), new Set(MECA_ROUTES.map(({ method, path }) => `${method} ${path}`)))
})

test('what the README promises is among the promises', async () => {
  const { text } = await readDocument('README.md')
  const [, section = ''] = text.split('## What is promised')
  const [table = ''] = section.split('\n## ')
  const tests = [...table.matchAll(/\]\((test\/[^)]+)\)/g)].map(([, path = '']) => path)
  assert.ok(tests.length > 10, `${tests.length} tests`)
  const promised = new Set(await promisedTests())
  assert.deepEqual(
    tests.filter((path) => !promised.has(path)),
    [],
  )
})

/** Where the test is that a page calls by a short name. */
function findTest(name: string): string | undefined {
  const places = ['', 'test/', 'test/integration/'].map((folder) => `${folder}${name}`)
  return [...places.map((place) => `${place}.test.ts`), ...places].find((path) => existsSync(join(ROOT, path)))
}

test('every test that the threat model names is there', async () => {
  const { text } = await readDocument('docs/threat-model.md')
  const names = [...text.matchAll(/^\| [^|]+ \| [^|]+ \| ([^|]+) \|$/gm)].flatMap(([, cell = '']) => testsIn(cell))
  assert.ok(names.length > 30, `${names.length} names`)
  assert.deepEqual(
    names.filter((name) => findTest(name) === undefined),
    [],
  )
})

test('each difference to the original names a test that there is, by a title that it has', async () => {
  const { text } = await readDocument('docs/guide/mecanywhere.md')
  const [, table = ''] = text.split('## What is different')
  const named = [...table.matchAll(/`([\w./-]+)`: ((?:\*[^*]+\*(?:; )?)+)/g)]
  assert.ok(named.length > 10, `${named.length} tests`)
  for (const [, name = '', titles = ''] of named) {
    const path = findTest(name)
    assert.ok(path !== undefined, name)
    const source = await readFile(join(ROOT, path), 'utf8')
    const pieces = [...titles.matchAll(/\*([^*]+)\*/g)].flatMap(([, title = '']) => title.split(' ... '))
    for (const piece of pieces) assert.ok(source.includes(piece), `${path}: ${piece}`)
  }
})
