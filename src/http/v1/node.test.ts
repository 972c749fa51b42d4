import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { canonicalJson } from '../../util/canonical-json.ts'
import type { ExecutionView } from '../contract/execution-view.ts'
import type { ConfigVersionView, NodeConfigView, NodeView } from '../contract/node-view.ts'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const FOREVER = { task: { image: 'forever' } }

function nodeOf({ text }: { readonly text: string }): NodeView {
  return JSON.parse(text) as NodeView
}

test('a node tells what it is, what it can isolate and why it cannot, in any state', async () => {
  await using node = await openV1Node()
  const serving = nodeOf(await node.call(undefined, 'GET /v1/node'))
  assert.deepEqual([serving.node, serving.state, serving.executions], ['test', 'serving', { waiting: 0, running: 0 }])
  assert.deepEqual(
    serving.engines.map(({ name }) => name),
    ['docker'],
  )
  const [container, gvisor, microvm] = serving.isolations
  assert.deepEqual([container?.isolation, container?.available], ['container', true])
  assert.deepEqual(container?.unenforced, [])
  assert.deepEqual([gvisor?.isolation, gvisor?.available, gvisor?.unenforced], ['gvisor', false, undefined])
  assert.match(gvisor?.refusal ?? '', /no runtime called runsc/)
  assert.deepEqual([microvm?.isolation, microvm?.available], ['microvm', false])
  assert.match(microvm?.refusal ?? '', /microVM_runtime is not set/)
  const paused = nodeOf(await node.call(undefined, 'POST /v1/node/pause'))
  assert.deepEqual([paused.state, paused.offered], ['paused', serving.offered])
  assert.equal(nodeOf(await node.call(undefined, 'POST /v1/node/unpause')).state, 'serving')
})

test('a drain refuses new work and is over when the last execution is', async () => {
  await using node = await openV1Node()
  const { id } = viewOf(await node.call(undefined, 'POST /v1/executions', FOREVER))
  const early = await node.call(undefined, 'POST /v1/node/drain?timeout=10ms')
  assert.equal(early.status, 202)
  assert.deepEqual(
    [nodeOf(early).state, nodeOf(early).executions.running + nodeOf(early).executions.waiting],
    ['paused', 1],
  )
  const refused = await node.call(undefined, 'POST /v1/executions', FOREVER)
  assert.deepEqual([refused.status, problemIn(refused).code], [503, 'paused'])
  const drained = node.call(undefined, 'POST /v1/node/drain?timeout=60s')
  await node.call(undefined, `POST /v1/executions/${id}/cancel`, { graceMs: 0 })
  assert.equal((await drained).status, 200)
  assert.deepEqual(nodeOf(await drained).executions, { waiting: 0, running: 0 })
  await node.call(undefined, 'POST /v1/node/unpause')
  assert.equal((await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello' } })).status, 201)
})

test('the grant is changed in part while work goes on, and what waits has the new room at once', async () => {
  await using node = await openV1Node()
  const config = async (body: object) => node.call(undefined, 'PATCH /v1/node/config', body)
  const before = JSON.parse((await node.call(undefined, 'GET /v1/node/config')).text) as NodeConfigView
  const smaller = JSON.parse((await config({ memory: '64MiB' })).text) as NodeConfigView
  assert.deepEqual([smaller.cpu, smaller.memory, smaller.keepAliveMs], [before.cpu, 64 * 1024 ** 2, before.keepAliveMs])
  const refused = await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello' } })
  assert.equal(problemIn(refused).code, 'resources_unsatisfiable')
  await config({ memory: '128MiB' })
  const running = viewOf(await node.call(undefined, 'POST /v1/executions', FOREVER))
  const waiting = viewOf(await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello' } }))
  await config({ memory: '64MiB' })
  const look = async (): Promise<ExecutionView> =>
    viewOf(await node.call(undefined, `GET /v1/executions/${waiting.id}`))
  while ((await look()).status === 'accepted');
  const { status, queue } = await look()
  assert.deepEqual([status, queue?.position], ['queued', 1], 'F14: what was accepted is not failed by a lower grant')
  await config({ memory: '256MiB' })
  const ended = await node.call(undefined, `GET /v1/executions/${waiting.id}/wait?timeout=60s`)
  assert.deepEqual([ended.status, viewOf(ended).exitCode], [200, 3])
  assert.notEqual(viewOf(await node.call(undefined, `GET /v1/executions/${running.id}`)).status, 'succeeded')
})

test('F14: each change is a version of the configuration, which what is accepted from then on names', async () => {
  await using node = await openV1Node()
  const change = async (body: object): Promise<NodeConfigView> =>
    JSON.parse((await node.call(undefined, 'PATCH /v1/node/config', body)).text)
  const submit = async (): Promise<number | undefined> =>
    viewOf(await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello' } })).configVersion
  const before = JSON.parse((await node.call(undefined, 'GET /v1/node/config')).text) as NodeConfigView
  assert.deepEqual([before.version, await submit()], [1, 1])
  const after = await change({ keepAliveMs: 1234 })
  assert.deepEqual([after.version, await submit()], [2, 2])
  assert.notEqual(after.hash, before.hash)
  assert.deepEqual(await change({ keepAliveMs: 1234 }), after, 'nothing has changed')
  const back = await change({ keepAliveMs: before.keepAliveMs })
  assert.deepEqual([back.version, back.hash], [3, before.hash])
  const { text, headers } = await node.call(undefined, 'GET /v1/node/config')
  assert.deepEqual([JSON.parse(text), headers.etag], [back, '"3"'])
})

test('F13: all that a node ran with can be read by its version, and has the hash that was told', async () => {
  await using node = await openV1Node()
  const first = JSON.parse((await node.call(undefined, 'GET /v1/node/config')).text) as NodeConfigView
  await node.call(undefined, 'PATCH /v1/node/config', { keepAliveMs: 1234 })
  const read = async (version: number): Promise<ConfigVersionView> =>
    JSON.parse((await node.call(undefined, `GET /v1/node/config/${version}`)).text)
  const { config, ...named } = await read(1)
  assert.deepEqual(named, { version: first.version, hash: first.hash, since: first.since })
  assert.equal(createHash('sha256').update(canonicalJson(config)).digest('hex'), first.hash)
  assert.deepEqual((await read(2)).config, { ...config, grant: { ...Object(config.grant), keepAliveMs: 1234 } })
  for (const version of ['3', '0', '01x', '1e0', '99999999999999999999']) {
    const refused = await node.call(undefined, `GET /v1/node/config/${version}`)
    assert.deepEqual([refused.status, problemIn(refused).code], [404, 'not_found'], version)
  }
})

test('F14: of many changes of one version one is made, and the others are refused', async () => {
  await using node = await openV1Node()
  const change = (keepAliveMs: number, ifMatch: string) =>
    node.call(undefined, 'PATCH /v1/node/config', { keepAliveMs }, { 'if-match': ifMatch })
  const race = await Promise.all(Array.from({ length: 8 }, (_, index) => change(index + 1, '"1"')))
  const made = race.flatMap(({ status, text }) => (status === 200 ? [JSON.parse(text) as NodeConfigView] : []))
  assert.deepEqual([made.length, race.filter(({ status }) => status === 412).length], [1, 7])
  const refused = race.find(({ status }) => status === 412)
  assert.deepEqual(refused && [problemIn(refused).code, problemIn(refused).details], [
    'validation_failed',
    { etag: '"2"' },
  ])
  assert.deepEqual(JSON.parse((await node.call(undefined, 'GET /v1/node/config')).text), made[0])
  for (const [ifMatch, status] of [
    ['"1", "2"', 200],
    ['*', 200],
    ['W/"4"', 412],
    ['4', 412],
    ['"4"', 200],
  ] as const) {
    assert.equal((await change(status + ifMatch.length, ifMatch)).status, status, ifMatch)
  }
})

test('A18: no path, runtime or other text can be set over HTTP, and no number that makes no sense', async () => {
  await using node = await openV1Node()
  const bodies = [
    { microVM_runtime: 'evil' },
    { stateDir: '/etc' },
    { cpu: 0 },
    { cpu: 0.05 },
    { memory: 'much' },
    { memory: 1 },
    { memory: '5MiB' },
    { keepAliveMs: -1 },
  ]
  const before = await node.call(undefined, 'GET /v1/node/config')
  for (const body of bodies) {
    const answer = await node.call(undefined, 'PATCH /v1/node/config', body)
    assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], JSON.stringify(body))
  }
  assert.equal((await node.call(undefined, 'GET /v1/node/config')).text, before.text)
})
