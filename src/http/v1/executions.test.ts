import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const node = await openV1Node({ stubborn: { ignores: 'all' } })
after(() => node[Symbol.asyncDispose]())
const ann = await node.token('ann', 'read', 'submit')

const task = (image: string): object => ({ task: { image } })

async function submit(image: string): Promise<string> {
  return viewOf(await node.call(ann, 'POST /v1/executions', task(image))).id
}

async function submitRunning(image = 'forever'): Promise<string> {
  const id = await submit(image)
  for (;;) {
    const { status } = viewOf(await node.call(ann, `GET /v1/executions/${id}`))
    if (status === 'running') return id
    assert.ok(!['failed', 'lost'].includes(status), status)
  }
}

test('an execution is accepted with its place, and followed to its end', async () => {
  const accepted = await node.call(ann, 'POST /v1/executions', { ...task('hello'), job: 'j1', labels: { a: 'b' } })
  assert.equal(accepted.status, 201)
  const { id, status, job, caller } = viewOf(accepted)
  assert.equal(accepted.headers.location, `/v1/executions/${id}`)
  assert.deepEqual([status, job, caller], ['accepted', 'j1', 'ann'])
  const ended = await node.call(ann, `GET /v1/executions/${id}/wait?timeout=60s`)
  assert.equal(ended.status, 200)
  const view = viewOf(ended)
  assert.deepEqual([view.status, view.reason, view.exitCode], ['failed', 'exit_nonzero', 3])
  assert.match(view.times.ended ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(view.labels, { a: 'b' })
  assert.deepEqual(view.logs, { bytes: 8, truncated: false, gaps: 0 })
  assert.deepEqual(viewOf(await node.call(ann, `GET /v1/executions/${id}`)), view)
  assert.equal((await node.call(ann, `GET /v1/executions/${id}/wait?timeout=0s`)).status, 200)
})

test('what a record keeps for itself is not shown: environment, folders of the host', async () => {
  const body = { task: { image: 'hello', env: { SECRET: 'hunter2' } } }
  const { id } = viewOf(await node.call(ann, 'POST /v1/executions', body))
  await node.call(ann, `GET /v1/executions/${id}/wait`)
  const { text } = await node.call(ann, `GET /v1/executions/${id}`)
  assert.ok(!/hunter2|SECRET|errand-v1-|resultsDir/.test(text), text)
})

test('a wait that is over before the execution answers 202 with what there is', async () => {
  const id = await submitRunning()
  const waited = await node.call(ann, `GET /v1/executions/${id}/wait?timeout=1ms`)
  assert.deepEqual([waited.status, viewOf(waited).status, viewOf(waited).exitCode], [202, 'running', undefined])
  const waiting = node.call(ann, `GET /v1/executions/${id}/wait?timeout=10m`)
  const cancelled = await node.call(ann, `POST /v1/executions/${id}/cancel`, { graceMs: 0 })
  assert.deepEqual([cancelled.status, viewOf(cancelled).id], [200, id])
  assert.deepEqual([(await waiting).status, viewOf(await waiting).status], [200, 'cancelled'])
  const again = await node.call(ann, `POST /v1/executions/${id}/cancel`)
  assert.deepEqual([again.status, problemIn(again).code], [409, 'already_ended'])
})

test('a cancellation is answered at once, however long its execution takes to end', async () => {
  const id = await submitRunning('stubborn')
  const { status, message } = viewOf(await node.call(ann, `POST /v1/executions/${id}/cancel`, { graceMs: 3_600_000 }))
  assert.deepEqual([status, message], ['running', 'it is to end: it was cancelled'])
  assert.equal((await node.call(ann, `POST /v1/executions/${id}/cancel`, { graceMs: 0 })).status, 200)
  const ended = viewOf(await node.call(ann, `GET /v1/executions/${id}/wait?timeout=60s`))
  assert.equal(ended.status, 'cancelled')
  assert.match(ended.warnings.join(), /killed after its grace/)
})

test('an execution is paused, entered, measured, resumed and removed', async () => {
  const id = await submitRunning()
  assert.equal(viewOf(await node.call(ann, `POST /v1/executions/${id}/pause`)).status, 'paused')
  assert.equal(viewOf(await node.call(ann, `POST /v1/executions/${id}/resume`, {})).status, 'running')
  const ran = await node.call(ann, `POST /v1/executions/${id}/exec`, { argv: ['a', 'b c'] })
  assert.deepEqual(JSON.parse(ran.text), {
    exitCode: 7,
    stdout: 'a b c',
    stderr: '',
    truncated: { stdout: false, stderr: false },
  })
  const stats = await node.call(ann, `GET /v1/executions/${id}/stats`)
  assert.equal(stats.status, 200)
  assert.match(JSON.parse(stats.text).time, /Z$/)
  const removed = await node.call(ann, `DELETE /v1/executions/${id}`)
  assert.deepEqual([removed.status, removed.text], [204, ''])
  const gone = await node.call(ann, `GET /v1/executions/${id}`)
  assert.deepEqual([gone.status, problemIn(gone).code], [404, 'not_found'])
})

test('a list comes in pages, the youngest first, and can be of some statuses alone', async () => {
  const bob = await node.token('bob', 'read', 'submit')
  const ids: string[] = []
  for (let i = 0; i < 5; i += 1) {
    const { id } = viewOf(await node.call(bob, 'POST /v1/executions', task('hello')))
    await node.call(bob, `GET /v1/executions/${id}/wait`)
    ids.unshift(id)
  }
  const seen: string[] = []
  for (let query = '?limit=2&status=failed,lost'; query !== ''; ) {
    const page = JSON.parse((await node.call(bob, `GET /v1/executions${query}`)).text)
    seen.push(...page.executions.map((view: { id: string }) => view.id))
    query = page.cursor === undefined ? '' : `?limit=2&status=failed,lost&cursor=${page.cursor}`
  }
  assert.deepEqual(seen, ids)
  const none = await node.call(bob, 'GET /v1/executions?status=running')
  assert.deepEqual(JSON.parse(none.text), { executions: [] })
})

test('whoever may open the unix socket sees everything and may do everything', async () => {
  const id = await submit('hello')
  assert.equal((await node.call(undefined, `GET /v1/executions/${id}/wait`)).status, 200)
  const { executions } = JSON.parse((await node.call(undefined, 'GET /v1/executions')).text)
  assert.ok(executions.some((view: { id: string }) => view.id === id))
  const own = viewOf(await node.call(undefined, 'POST /v1/executions', task('hello')))
  assert.equal(own.caller, 'local')
  assert.equal((await node.call(undefined, 'POST /v1/node/pause')).status, 200)
  const paused = await node.call(ann, 'GET /v1/node')
  assert.equal(JSON.parse(paused.text).state, 'paused')
  const refused = await node.call(ann, 'POST /v1/executions', task('hello'))
  assert.deepEqual([refused.status, problemIn(refused).code], [503, 'paused'])
  const { state, offered } = JSON.parse((await node.call(undefined, 'POST /v1/node/unpause')).text)
  assert.deepEqual([state, offered.memory > 0], ['serving', true])
})

test('errors are problems that say what is wrong, all at once', async () => {
  const wrong = await node.call(ann, 'POST /v1/executions', { task: { image: '', memory: 1 }, timeoutMs: -1 })
  assert.equal(wrong.status, 400)
  assert.equal(wrong.headers['content-type'], 'application/problem+json')
  const { title, status, code, details } = problemIn(wrong)
  assert.deepEqual([title, status, code], ['Bad Request', 400, 'validation_failed'])
  const paths = (details.problems as { path: string }[]).map(({ path }) => path)
  assert.deepEqual(paths.toSorted(), ['task', 'task.image', 'timeoutMs'])
  const cases: [string, object | undefined, number, string][] = [
    ['POST /v1/executions', {}, 400, 'validation_failed'],
    [
      'POST /v1/executions',
      { task: { image: 'x' }, engineSpec: { type: 'docker', params: {} } },
      400,
      'validation_failed',
    ],
    ['POST /v1/executions', { engineSpec: { type: 'nope', params: { image: 'x' } } }, 422, 'runtime_unavailable'],
    ['POST /v1/executions', { task: { image: 'x', resources: { cpu: 10_000 } } }, 422, 'resources_unsatisfiable'],
    ['GET /v1/executions?limit=0', undefined, 400, 'validation_failed'],
    ['GET /v1/executions?status=ended', undefined, 400, 'validation_failed'],
    ['GET /v1/executions?cursor=nonsense', undefined, 400, 'validation_failed'],
    ['GET /v1/executions?limit=1&limit=2', undefined, 400, 'validation_failed'],
    ['GET /v1/executions?token=x', undefined, 400, 'validation_failed'],
    ['GET /v1/executions/none', undefined, 404, 'not_found'],
    ['PUT /v1/executions', undefined, 405, 'unsupported'],
    ['GET /v1', undefined, 404, 'not_found'],
    ['GET /v1/executions/', undefined, 404, 'not_found'],
  ]
  for (const [asked, body, expected, name] of cases) {
    const answer = await node.call(ann, asked, body)
    assert.deepEqual([answer.status, problemIn(answer).code], [expected, name], `${asked} ${JSON.stringify(body)}`)
    assert.equal(answer.headers['content-type'], 'application/problem+json', asked)
  }
})

test("a task in an engine's own words, with all that can surround it, is taken", async () => {
  const body = {
    id: 'spelled-out',
    engineSpec: {
      type: 'docker',
      params: { image: 'hello', environment: ['A=b'] },
      resources: { cpu: 0.5, memory: '64MiB', disk: '1GiB', pids: 32 },
      network: 'none',
      profile: 'strict',
      stopSignal: 'SIGINT',
    },
    timeoutMs: 60_000,
    graceMs: 1,
    limits: { logBytes: '1MiB' },
  }
  const { id, resources } = viewOf(await node.call(ann, 'POST /v1/executions', body))
  assert.equal(id, 'spelled-out')
  assert.deepEqual(resources.asked, { cpu: 0.5, memory: 64 * 1024 ** 2, disk: 1024 ** 3, pids: 32, gpus: [] })
  const taken = await node.call(ann, 'POST /v1/executions', body)
  assert.deepEqual([taken.status, problemIn(taken).code], [409, 'already_exists'])
})

test('an engine that gives no answer is told as that', async () => {
  const id = await submitRunning()
  const gone = new ErrandError('engine_unavailable', 'the engine gave no answer', { retryAfterMs: 1000 })
  for (const [method, asked, body] of [
    ['pause', 'POST', undefined],
    ['exec', 'POST', { argv: ['a'] }],
    ['stats', 'GET', undefined],
  ] as const) {
    node.engine.failNext(method, gone)
    const answer = await node.call(ann, `${asked} /v1/executions/${id}/${method}`, body)
    assert.deepEqual([answer.status, problemIn(answer).code], [503, 'engine_unavailable'], method)
  }
  assert.equal((await node.call(ann, `DELETE /v1/executions/${id}`)).status, 204)
})
