import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { ErrandError } from '../../src/core/errors.ts'
import { openV1Node, type V1Node, viewOf } from '../../src/http/v1/v1-node.fixture.ts'
import { ask } from '../../src/http/wire-kit.fixture.ts'
import { Scrape } from '../support/exposition.ts'

let node: V1Node
let scrape: Scrape

before(async () => {
  node = await openV1Node({ echo: { mark: 'meca-init-done', serve: (request, response) => request.pipe(response) } })
  await makeEverythingHappen(node)
  scrape = new Scrape((await node.call(undefined, 'GET /metrics')).text)
})
after(() => node[Symbol.asyncDispose]())

/** So that each metric has a sample with all its labels. */
async function makeEverythingHappen({ engine, ports }: V1Node): Promise<void> {
  const body = JSON.stringify({ id: 'echo', input: 'x' })
  await ask(ports.open, { body })
  const { id } = viewOf(await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello' } }))
  await node.call(undefined, `GET /v1/executions/${id}/wait?timeout=60s`)
  await node.call(undefined, 'PUT /v1/tasks/it', { image: 'echo' })
  const later = await node.call(undefined, 'POST /v1/tasks/it/invoke', {}, { prefer: 'respond-async' })
  await node.call(undefined, `GET ${later.headers.location}/wait?timeout=60s`)
  await node.call(undefined, 'POST /v1/node/pause')
  await node.call(undefined, 'POST /v1/node/unpause')
  engine.failNext('create', new ErrandError('runtime_unavailable', 'it is not there'))
  await ask(ports.open, { body })
}

async function read(path: string): Promise<string> {
  return readFile(new URL(`../../${path}`, import.meta.url), 'utf8')
}

/** The labels of a metric, without those that the format itself adds. */
function labelsOf(metric: string): string[] {
  const samples = scrape.metrics.get(metric)?.samples ?? []
  return [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le').sort()
}

test('docs/guide/metrics.md has every metric with its type and labels, and no other', async () => {
  const rows = (await read('docs/guide/metrics.md')).split('\n').filter((line) => /^\| `\w+` \| \w+ \|/.test(line))
  const documented = rows.map((row) => {
    const [name = '', type = '', labels = '', meaning = ''] = row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim())
    assert.notEqual(meaning, '', `${name} says what it means`)
    return [name.replaceAll('`', ''), type, (labels.match(/\w+/g) ?? []).sort()]
  })
  const real = [...scrape.metrics].map(([name, { type }]) => [name, type, labelsOf(name)])
  assert.deepEqual(documented.sort(byName), real.sort(byName))
})

test('every query of the dashboard for Grafana names a metric that there is, and labels that it has', async () => {
  const dashboard = JSON.parse(await read('examples/grafana/errand.json'))
  const queries: string[] = dashboard.panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => expr),
  )
  assert.ok(queries.length > 20)
  for (const query of [...queries, dashboard.templating.list[1].query.query]) {
    const names: string[] = query.match(/\b(?:errand|process)_\w+/g) ?? []
    assert.ok(names.length > 0, query)
    for (const name of names) assert.ok(scrape.names.has(name), `${name} in ${query}`)
    const known = new Set([
      'instance',
      'le',
      ...names.flatMap((name) => labelsOf(name.replace(/_(bucket|sum|count)$/, ''))),
    ])
    for (const label of labelsIn(query)) assert.ok(known.has(label), `${label} in ${query}`)
  }
})

test('every metric is in the dashboard, but for the time of the start', async () => {
  const dashboard = await read('examples/grafana/errand.json')
  const missing = [...scrape.metrics.keys()].filter((name) => !dashboard.includes(name))
  assert.deepEqual(missing, ['process_start_time_seconds'])
})

test('the panels of the dashboard have ids of their own and do not overlap', async () => {
  const { panels } = JSON.parse(await read('examples/grafana/errand.json'))
  const taken = new Set<string>()
  for (const { gridPos } of panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.ok(x < 24 && !taken.has(`${x} ${y}`), `${x} ${y}`)
        taken.add(`${x} ${y}`)
      }
    }
  }
  assert.equal(new Set(panels.map(({ id }: { id: number }) => id)).size, panels.length)
})

/** In selectors and after `by`. */
function labelsIn(query: string): string[] {
  const selected = [...query.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label)
  const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/))
  return [...selected, ...grouped]
}

function byName(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]).localeCompare(String(b[0]))
}
