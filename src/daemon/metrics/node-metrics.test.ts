import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Scrape } from '../../../test/support/exposition.ts'
import { ErrandError } from '../../core/errors.ts'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { openV1Node, viewOf } from '../../http/v1/v1-node.fixture.ts'
import { ask } from '../../http/wire-kit.fixture.ts'

const SECRET = 'canary-9d2f'
const echo: FakeScript = { mark: 'meca-init-done', serve: (request, response) => request.pipe(response) }
const node = await openV1Node({ echo, other: echo, later: echo })
after(() => node[Symbol.asyncDispose]())
const ann = await node.token('ann', 'read', 'submit', 'operate')

async function scrape(): Promise<Scrape> {
  return new Scrape((await node.call(undefined, 'GET /metrics')).text)
}

async function invoke(id: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ id, input: SECRET, resource: { cpu: 0.5, mem: 64 } })
  return JSON.parse((await ask(node.ports.open, { headers, body })).text)
}

test('invocations are counted by their outcome, and a cold start by its phases', async () => {
  await invoke('echo')
  await invoke('echo')
  await invoke('nothing-like-it')
  const seen = await scrape()
  assert.equal(seen.sum('errand_invocations_total', { outcome: 'answered' }), 2)
  assert.equal(seen.sum('errand_invocations_total', { outcome: 'image_not_found' }), 1)
  assert.equal(seen.sum('errand_cold_starts_total', { outcome: 'ready' }), 1)
  assert.equal(seen.sum('errand_cold_starts_total', { outcome: 'image_not_found' }), 1)
  const phases = seen.samples('errand_cold_start_phase_seconds_count').map(({ labels, value }) => [labels.phase, value])
  assert.deepEqual(Object.fromEntries(phases), { create: 1, image: 1, lease: 1, ready: 1, start: 1 })
  assert.equal(seen.sum('errand_cold_start_seconds_count'), 1)
  assert.equal(seen.sum('errand_queue_wait_seconds_count', { queue: 'requests' }), 1)
  assert.equal(seen.sum('errand_queue_wait_seconds_count', { queue: 'starts' }), 1)
})

test('leases and warm instances are told as they are at the scrape', async () => {
  const seen = await scrape()
  assert.deepEqual([seen.sum('errand_cpu_leased_cores'), seen.sum('errand_memory_leased_bytes')], [0.5, 64 * 2 ** 20])
  assert.equal(seen.sum('errand_cpu_capacity_cores'), 100)
  assert.ok(seen.sum('errand_memory_capacity_bytes') > 64 * 2 ** 20)
  const warm = seen.samples('errand_warm_instances').map(({ labels, value }) => [labels.state, value])
  assert.deepEqual(Object.fromEntries(warm), { starting: 0, idle: 1, busy: 0 })
  const queues = seen.samples('errand_queue_length').map(({ labels, value }) => [labels.queue, value])
  assert.deepEqual(Object.fromEntries(queues), { requests: 0, starts: 0, executions: 0, later: 0 })
})

test('executions are counted while they live by status, and ended ones by status and reason', async () => {
  const submit = async (image: string): Promise<string> =>
    viewOf(await node.call(ann, 'POST /v1/executions', { task: { image, env: { SECRET } }, labels: { [SECRET]: '1' } }))
      .id
  const [hello, forever] = [await submit('hello'), await submit('forever')]
  await node.call(ann, `GET /v1/executions/${hello}/wait?timeout=60s`)
  while (viewOf(await node.call(ann, `GET /v1/executions/${forever}`)).status !== 'running');
  const during = await scrape()
  assert.equal(during.sum('errand_executions', { status: 'running' }), 1)
  assert.equal(during.sum('errand_executions'), 1)
  assert.equal(during.sum('errand_executions_ended_total', { status: 'failed', reason: 'exit_nonzero' }), 1)
  await node.call(ann, `POST /v1/executions/${forever}/cancel`, { graceMs: 0 })
  await node.call(ann, `GET /v1/executions/${forever}/wait?timeout=60s`)
  const ended = await scrape()
  assert.equal(ended.sum('errand_executions'), 0)
  assert.equal(ended.sum('errand_executions_ended_total', { status: 'cancelled', reason: 'none' }), 1)
  assert.equal(ended.sum('errand_execution_duration_seconds_count'), 2)
  assert.equal(ended.sum('errand_queue_wait_seconds_count', { queue: 'executions' }), 2)
  assert.ok(ended.sum('errand_journal_changes_total') >= 2 * 6)
  assert.ok(ended.sum('errand_journal_commit_duration_seconds_count') >= 6)
})

test('calls of the engine are timed by operation, failed ones counted by code', async () => {
  const seen = await scrape()
  for (const operation of ['probe', 'create', 'start', 'inspect', 'list', 'image_find']) {
    assert.ok(seen.sum('errand_engine_call_duration_seconds_count', { operation }) > 0, operation)
  }
  const failures = { operation: 'create', code: 'runtime_unavailable' }
  assert.equal(seen.sum('errand_engine_call_failures_total', failures), 0)
  node.engine.failNext('create', new ErrandError('runtime_unavailable', 'it has just been taken away'))
  await invoke('other')
  assert.equal((await scrape()).sum('errand_engine_call_failures_total', failures), 1)
})

test('an engine that gives no answers is told as degraded, until it answers again', async () => {
  assert.equal((await scrape()).sum('errand_engine_degraded'), 0)
  {
    using _away = node.engine.goAway()
    while ((await scrape()).sum('errand_engine_degraded') === 0) await invoke('other')
  }
  while ((await scrape()).sum('errand_engine_degraded') === 1) await invoke('other')
})

test('an instance that leaves is counted with the reason', async () => {
  const warm = (await scrape()).sum('errand_warm_instances')
  assert.ok(warm > 0)
  await node.call(ann, 'POST /v1/node/pause')
  const seen = await scrape()
  assert.equal(seen.sum('errand_warm_instances_left_total', { reason: 'cleared' }), warm)
  assert.equal(seen.sum('errand_warm_instances'), 0)
  assert.equal(seen.sum('errand_node_accepts_work'), 0)
  await node.call(ann, 'POST /v1/node/unpause')
  assert.equal((await scrape()).sum('errand_node_accepts_work'), 1)
})

test('requests for later are counted by how they ended, and how often they were begun', async () => {
  await node.call(ann, 'PUT /v1/tasks/it', { image: 'later' })
  const later = await node.call(ann, 'POST /v1/tasks/it/invoke', { SECRET }, { prefer: 'respond-async' })
  const over = await node.call(ann, `GET ${later.headers.location}/wait?timeout=60s`)
  assert.equal(over.status, 200, over.text)
  const seen = await scrape()
  const counts = seen.samples('errand_later_ended_total').map(({ labels, value }) => [labels.status, value])
  assert.deepEqual(Object.fromEntries(counts), { answered: 1, failed: 0, lost: 0 })
  assert.deepEqual([seen.sum('errand_later_tries_total'), seen.sum('errand_later_under_way')], [1, 0])
  assert.equal(seen.sum('errand_later_duration_seconds_count', { status: 'answered' }), 1)
  assert.equal(seen.sum('errand_queue_wait_seconds_count', { queue: 'later' }), 1)
  const hooks = seen.samples('errand_webhooks_total').map(({ labels, value }) => [labels.outcome, value])
  assert.deepEqual(Object.fromEntries(hooks), { delivered: 0, given_up: 0 })
  assert.equal(seen.sum('errand_webhooks_outstanding'), 0)
})

test('waits that are open are told with their bound', async () => {
  const { id } = viewOf(await node.call(ann, 'POST /v1/executions', { task: { image: 'forever' } }))
  const waiting = node.call(ann, `GET /v1/executions/${id}/wait?timeout=60s`)
  while ((await scrape()).sum('errand_lasting_answers', { kind: 'waits' }) === 0);
  const seen = await scrape()
  assert.equal(seen.sum('errand_lasting_answers', { kind: 'streams' }), 0)
  assert.ok(seen.sum('errand_lasting_answers_limit', { kind: 'waits' }) > 1)
  assert.equal(seen.sum('errand_lasting_answers_refused_total'), 0)
  await node.call(ann, `POST /v1/executions/${id}/cancel`, { graceMs: 0 })
  await waiting
  assert.equal((await scrape()).sum('errand_lasting_answers', { kind: 'waits' }), 0)
})

test('the process tells what it is and what it takes', async () => {
  const seen = await scrape()
  assert.ok(seen.sum('process_resident_memory_bytes') > 10 * 2 ** 20)
  assert.ok(seen.sum('process_open_fds') > 3)
  assert.ok(seen.sum('process_cpu_seconds_total') > 0)
  assert.ok(Math.abs(seen.sum('process_start_time_seconds') - Date.now() / 1000) < 600)
  assert.match(seen.samples('errand_build_info')[0]?.labels.version ?? '', /^\d+\.\d+\.\d+/)
  assert.ok(seen.sum('errand_event_loop_active_seconds_total') > 0)
  const quantiles = seen.samples('errand_event_loop_lag_seconds').map(({ labels }) => labels.quantile)
  assert.deepEqual(quantiles, ['0.5', '0.99', '1'])
})

test('a node whose listeners have no such face measures nothing', async () => {
  const { openMetrics } = await import('./open-metrics.ts')
  assert.equal(await openMetrics({ listeners: [] }), undefined)
})

test('neither callers, images, ids, inputs nor variables are told', async () => {
  const { text } = await node.call(undefined, 'GET /metrics')
  assert.doesNotMatch(text, new RegExp(`${SECRET}|echo|hello|forever|nothing-like-it|\\bann\\b`))
})
