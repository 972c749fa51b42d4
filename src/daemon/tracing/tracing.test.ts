import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FakeDocker } from '../../../test/support/fake-docker.ts'
import { type CollectedSpan, OtlpCollector } from '../../../test/support/otlp-collector.ts'
import { Cancellation } from '../../core/cancellation.ts'
import { silentLog } from '../../core/log.ts'
import { MIB } from '../../core/resources.ts'
import { type Task, taskKey } from '../../core/task.ts'
import type { FakeEngine, FakeScript } from '../../engine/fake/fake-engine.ts'
import type { ExecutionView } from '../../http/contract/execution-view.ts'
import { type Answer, ask } from '../../http/wire-kit.fixture.ts'
import { loadConfig } from '../config/load.ts'
import { Daemon } from '../daemon.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const SECRET = 'canary-51e0'

/** What reached the task as its trace. */
const seen: (string | undefined)[] = []
const IMAGES: Readonly<Record<string, FakeScript>> = {
  echo: {
    mark: 'meca-init-done',
    serve: (request, response) => {
      seen.push(request.headers.traceparent?.toString())
      request.pipe(response)
    },
  },
  fails: { run: async () => 3 },
  passes: { run: async () => 0 },
}

const held = new AsyncDisposableStack()
const collector = held.use(await OtlpCollector.open())
const folder = await mkdtemp(join(tmpdir(), 'errand-traces-'))
held.defer(() => rm(folder, { recursive: true }))
const socketPath = join(folder, 'v1.sock')
const daemon = held.use(await openDaemon())
after(() => held.disposeAsync())

async function openDaemon(): Promise<Daemon> {
  const set = [`tracing.endpoint=${collector.url}`, 'resources.hostCheck=none', 'node=traced', 'mem=4096']
  const listen = [`unix:${socketPath}`]
  const { config } = loadConfig({ stateDir: join(folder, 'state'), runDir: join(folder, 'run'), listen, set })
  const openEngine = async (): Promise<FakeEngine> => new FakeDocker({ images: IMAGES })
  return Daemon.open(config, { log: silentLog, openEngine }, AbortSignal.timeout(60_000))
}

function call(asked: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
  const [method = '', path = ''] = asked.split(' ')
  return ask(0, { method, path, socketPath, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
}

/** The whole span of an execution that has ended. */
async function execute(image: string, headers: Record<string, string> = {}): Promise<CollectedSpan> {
  const { text } = await call('POST /v1/executions', { task: { image, env: { SECRET } } }, headers)
  const { id }: ExecutionView = JSON.parse(text)
  await call(`GET /v1/executions/${id}/wait?timeout=60s`)
  return collector.until(({ attributes }) => attributes['errand.execution.id'] === id)
}

test('an execution is a span with one in it for each status, in the trace of its caller', async () => {
  const whole = await execute('passes', { traceparent: `00-${TRACE}-${PARENT}-01` })
  assert.deepEqual([whole.name, whole.traceId, whole.parentId], ['execution', TRACE, PARENT])
  const { 'errand.execution.id': id, 'errand.execution.job': job, ...attributes } = whole.attributes
  assert.equal(id, job)
  assert.deepEqual(attributes, {
    'errand.execution.status': 'succeeded',
    'errand.execution.attempt': 1,
    'errand.execution.exit_code': 0,
    'errand.engine': 'docker',
    'errand.isolation': 'container',
  })
  assert.equal(whole.status.code, 0)
  const { 'service.version': version, ...service } = whole.resource
  assert.match(String(version), /^\d/)
  assert.deepEqual(service, { 'service.name': 'errand', 'service.instance.id': 'traced' })
  const parts = collector.childrenOf(whole)
  assert.deepEqual(
    parts.map(({ name }) => name),
    ['accepted', 'queued', 'pulling', 'creating', 'running', 'finalizing'],
  )
  assert.equal(parts[0]?.startNs, whole.startNs)
  for (const [index, part] of parts.entries()) {
    assert.ok(part.startNs <= part.endNs && part.endNs <= whole.endNs, part.name)
    if (index > 0) assert.equal(part.startNs, parts[index - 1]?.endNs, part.name)
  }
})

test('one that fails says why, and begins a trace of its own where its caller has none', async () => {
  const whole = await execute('fails', { traceparent: 'nonsense' })
  assert.deepEqual([whole.parentId, whole.status], ['', { code: 2, message: 'exit_nonzero' }])
  assert.equal(whole.attributes['errand.execution.reason'], 'exit_nonzero')
  assert.equal(whole.attributes['errand.execution.exit_code'], 3)
  assert.equal(collector.childrenOf(whole).length, 6)
})

test('one whose caller does not keep the trace is not followed', async () => {
  const unsampled = '1'.repeat(32)
  await call('POST /v1/executions', { task: { image: 'passes' } }, { traceparent: `00-${unsampled}-${PARENT}-00` })
  await execute('passes')
  assert.deepEqual(
    collector.spans.filter(({ traceId }) => traceId === unsampled),
    [],
  )
})

test('an invocation is a span with the start of its instance and the exchange, whose trace the task goes on with', async () => {
  const invoke = (): Promise<Answer> =>
    call('POST /', { id: 'echo', input: SECRET }, { 'content-type': 'application/json' })
  await invoke()
  const cold = await collector.until(({ name }) => name === 'invocation')
  assert.deepEqual(cold.attributes, { 'errand.invocation.outcome': 'answered', 'errand.isolation': 'container' })
  const [lend, forward, ...others] = collector.childrenOf(cold)
  assert.deepEqual([lend?.name, forward?.name, others.length], ['lend', 'forward', 0])
  assert.ok(lend !== undefined && forward !== undefined)
  assert.equal(seen.at(-1), `00-${cold.traceId}-${forward.spanId}-01`)
  const phases = new Set(collector.childrenOf(lend).map(({ name }) => name))
  for (const phase of ['start.image', 'start.create', 'start.start']) assert.ok(phases.has(phase), phase)
  await invoke()
  const warm = await collector.until(({ name, spanId }) => name === 'invocation' && spanId !== cold.spanId)
  const [warmLend, warmForward] = collector.childrenOf(warm)
  assert.deepEqual([warmLend?.name, warmForward?.name], ['lend', 'forward'])
  assert.ok(warmLend !== undefined)
  assert.deepEqual(collector.childrenOf(warmLend), [])
})

test('an invocation that fails says why', async () => {
  await call('POST /', { id: 'none-of-this-name', input: '' }, { 'content-type': 'application/json' })
  const failed = await collector.until(({ status }) => status.message === 'image_not_found')
  assert.deepEqual([failed.name, failed.status.code], ['invocation', 2])
})

test('what is passed through belongs to the trace that its caller names, and the task to ours', async () => {
  const task: Task = {
    image: 'echo',
    isolation: 'container',
    resources: { cpuMillis: 100, memoryBytes: 64 * MIB, gpus: 0 },
    sgx: false,
  }
  const pass = (headers: readonly string[]): Promise<void> => {
    const request = { method: 'POST', path: '/', headers, body: { whole: Buffer.from('x') } }
    const sink = { from() {}, begin() {}, write: () => true, onDrain() {}, end() {} }
    return daemon.node.forward({ key: taskKey({ id: 'ann' }, task), task, request }, sink, new Cancellation())
  }
  const trace = '2'.repeat(32)
  await pass(['x-other', 'y', 'Traceparent', `00-${trace}-${PARENT}-01`])
  const whole = await collector.until(({ name, traceId }) => name === 'invocation' && traceId === trace)
  assert.equal(whole.parentId, PARENT)
  const forward = collector.childrenOf(whole).find(({ name }) => name === 'forward')
  assert.equal(seen.at(-1), `00-${trace}-${forward?.spanId}-01`)
  const unsampled = `00-${'3'.repeat(32)}-${PARENT}-00`
  await pass(['traceparent', unsampled])
  assert.equal(seen.at(-1), unsampled)
})

test('a request for later waits in a span that its invocation belongs to', async () => {
  await call('PUT /v1/tasks/it', { image: 'echo' })
  const trace = '4'.repeat(32)
  const headers = { prefer: 'respond-async', traceparent: `00-${trace}-${PARENT}-01` }
  const later = await call('POST /v1/tasks/it/invoke', { SECRET }, headers)
  await call(`GET ${later.headers.location}/wait?timeout=60s`)
  const whole = await collector.until(({ name, traceId }) => name === 'invocation' && traceId === trace)
  const queue = await collector.until(({ name, traceId }) => name === 'queue' && traceId === trace)
  assert.deepEqual([queue.parentId, whole.parentId], [PARENT, queue.spanId])
  assert.ok(queue.startNs <= queue.endNs && queue.endNs <= whole.endNs)
  const forward = collector.childrenOf(whole).find(({ name }) => name === 'forward')
  assert.equal(seen.at(-1), `00-${trace}-${forward?.spanId}-01`)
})

test('no span tells an input, a variable or an image', () => {
  assert.ok(collector.spans.length > 20)
  const all = JSON.stringify(collector.spans, (_, value: unknown) => (typeof value === 'bigint' ? '' : value))
  assert.doesNotMatch(all, new RegExp(`${SECRET}|echo|passes|none-of-this-name`))
})

test('the last spans are sent before the daemon has stopped', async () => {
  const { text } = await call('POST /v1/executions', { task: { image: 'passes' } })
  const { id }: ExecutionView = JSON.parse(text)
  await call(`GET /v1/executions/${id}/wait?timeout=60s`)
  await daemon.stop()
  assert.ok(collector.spans.some(({ attributes }) => attributes['errand.execution.id'] === id))
  assert.ok(collector.requests.every(({ path }) => path === '/v1/traces'))
})
