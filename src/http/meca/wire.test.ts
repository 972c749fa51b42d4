import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import type { NodeApi } from '../../service/node-api.ts'
import { type Ask, ask, fakeNode, serveFace } from '../wire-kit.fixture.ts'

// Every line of the face as it is on the wire: what is asked, of which node, and what must come back.

const paused = new ErrandError('paused', 'the node is paused')
const full = new ErrandError('resources_exhausted', 'no cpu', { details: { resource: 'cpuMillis' }, retryAfterMs: 500 })
const failing = (status: number): Partial<NodeApi> => ({
  invoke: async () => ({ status, body: Buffer.from('Traceback') }),
})
const refusing = (error: unknown): Partial<NodeApi> => ({
  invoke: () => Promise.reject(error),
  stats: () => {
    throw error
  },
  pause: () => Promise.reject(error),
  reconfigure: () => Promise.reject(error),
})

interface Line {
  readonly fact: string
  readonly node?: Partial<NodeApi>
  readonly strict?: true
  readonly ask: Ask
  readonly status?: number
  readonly answer: unknown
  readonly code?: string
}

const hello = JSON.stringify({ id: 'hello', input: '{"a": "ü"}' })
const grant = JSON.stringify({ type: 'docker', timeout: 0.5, cpu: 2, mem: 512, has_gpu: true, microVM_runtime: 'kata' })
const badExecution = { status: 400, answer: 'Bad execution request', code: 'validation_failed' }
const badReconfiguration = { status: 400, answer: 'Bad reconfiguration request', code: 'validation_failed' }

const LINES: readonly Line[] = [
  { fact: 'a task answer', ask: { body: hello }, answer: { success: true, msg: '{"a": "ü"}' } },
  { fact: 'a 2xx answer', node: failing(299), ask: { body: hello }, answer: { success: true, msg: 'Traceback' } },
  {
    fact: "a task's own error status",
    node: failing(500),
    ask: { body: hello },
    answer: { success: false, msg: 'Traceback', status: 500 },
  },
  {
    fact: "a task's own error status under strict compat",
    node: failing(500),
    strict: true,
    ask: { body: hello },
    answer: { success: true, msg: 'Traceback' },
  },
  {
    fact: 'a failure of the node',
    node: refusing(full),
    ask: { body: hello },
    answer: {
      success: false,
      msg: 'no cpu',
      code: 'resources_exhausted',
      retryAfterMs: 500,
      details: { resource: 'cpuMillis' },
    },
  },
  {
    fact: 'a failure of the node under strict compat',
    node: refusing(full),
    strict: true,
    ask: { body: hello },
    answer: { success: false, msg: 'no cpu' },
  },
  {
    fact: 'a failure whose details JSON cannot hold',
    node: refusing(new ErrandError('internal', 'odd', { details: { big: 1n } })),
    ask: { body: hello },
    answer: { success: false, msg: 'odd', code: 'internal' },
  },
  {
    fact: 'a fault of ours, whose text stays in the log',
    node: refusing(new TypeError('secret is not a function')),
    ask: { body: hello },
    answer: { success: false, msg: 'internal error: see the log of the node', code: 'internal' },
  },
  {
    fact: 'a resource that no task can have',
    ask: { body: JSON.stringify({ id: 'a', input: '', resource: { cpu: 0.05 } }) },
    answer: {
      success: false,
      msg: 'cpu must be at least 0.1 cores, in steps of 0.1; it is 0.05',
      code: 'validation_failed',
      details: { cpu: 0.05 },
    },
  },
  { fact: 'a body that is not JSON', ask: { body: 'id=hello' }, ...badExecution },
  { fact: 'no body', ask: {}, ...badExecution },
  { fact: 'a body without id', ask: { body: '{"input":""}' }, ...badExecution },
  { fact: 'a bad body under strict compat', strict: true, ask: { body: '{}' }, ...badExecution },
  { fact: 'a query on the path', ask: { path: '/?a=b', body: hello }, answer: { success: true, msg: '{"a": "ü"}' } },
  {
    fact: 'the stats',
    ask: { method: 'GET', path: '/stats' },
    answer: {
      total_cpu: 2,
      total_mem: 4096,
      used_cpu: 50,
      used_mem: 33.33,
      task_cpu: 1.5,
      task_mem: 1024,
      task_used_cpu: 33.33,
      task_used_mem: 25,
      gpu_model: 'none',
      task_gpu: 2,
      task_used_gpu: 1,
    },
  },
  {
    fact: 'the stats of a paused node',
    node: refusing(paused),
    ask: { method: 'GET', path: '/stats' },
    answer: { success: false, msg: 'the node is paused', code: 'paused' },
  },
  { fact: 'the health', ask: { method: 'GET', path: '/health' }, answer: { status: 'ok' } },
  {
    fact: 'a pause',
    ask: { path: '/pause' },
    answer: { success: true, msg: 'paused: no request in flight, every task removed' },
  },
  {
    fact: 'a pause with a body of any type',
    ask: { path: '/pause', body: 'now', headers: { 'content-type': 'text/plain' } },
    answer: { success: true, msg: 'paused: no request in flight, every task removed' },
  },
  {
    fact: 'a pause that an unpause ended',
    node: refusing(new ErrandError('cancelled', 'unpaused meanwhile')),
    ask: { path: '/pause' },
    answer: { success: false, msg: 'unpaused meanwhile', code: 'cancelled' },
  },
  { fact: 'an unpause', ask: { path: '/unpause' }, answer: { success: true, msg: 'running' } },
  {
    fact: 'a reconfiguration, with the effective values',
    node: { reconfigure: async (asked) => ({ ...asked, cpuMillis: 1000 }) },
    ask: { path: '/update-config', body: grant },
    answer: {
      success: true,
      msg: 'configuration replaced',
      config: { timeout: 0.5, cpu: 1, mem: 512, has_gpu: true, microVM_runtime: 'kata' },
    },
  },
  {
    fact: 'a reconfiguration of the least',
    ask: { path: '/update-config', body: '{"cpu":1,"mem":6}' },
    answer: {
      success: true,
      msg: 'configuration replaced',
      config: { timeout: 1, cpu: 1, mem: 6, has_gpu: false, microVM_runtime: null },
    },
  },
  {
    fact: 'a reconfiguration under strict compat',
    strict: true,
    ask: { path: '/update-config', body: grant },
    answer: { success: true, msg: 'configuration replaced' },
  },
  {
    fact: 'a reconfiguration while not paused',
    node: refusing(new ErrandError('validation_failed', 'pause first')),
    ask: { path: '/update-config', body: grant },
    answer: { success: false, msg: 'pause first', code: 'validation_failed' },
  },
  { fact: 'a reconfiguration without mem', ask: { path: '/update-config', body: '{"cpu":1}' }, ...badReconfiguration },
  { fact: 'a reconfiguration without a body', ask: { path: '/update-config' }, ...badReconfiguration },
  { fact: 'a stop', ask: { path: '/stop' }, answer: { success: true, msg: 'stopped: every task removed' } },
  {
    fact: 'an unknown path',
    ask: { path: '/pause/' },
    status: 404,
    answer: { code: 'not_found', message: 'there is nothing at this path' },
    code: 'not_found',
  },
  {
    fact: 'a body above the bound',
    ask: { body: JSON.stringify({ id: 'a', input: 'x'.repeat(64 * 1024) }) },
    status: 413,
    answer: { code: 'validation_failed', message: 'the body is larger than 65536 bytes' },
    code: 'validation_failed',
  },
]

for (const line of LINES) {
  test(`on the wire: ${line.fact}`, async () => {
    await using face = await serveFace({ node: fakeNode(line.node), strictCompat: line.strict ?? false })
    const { status, headers, text } = await ask(face.port, line.ask)
    assert.equal(status, line.status ?? 200)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['content-length'], `${Buffer.byteLength(text)}`)
    assert.deepEqual(JSON.parse(text), line.answer)
    assert.equal(headers['errand-code'], line.code)
  })
}

test('a path answers another method with 405 and the one it takes', async () => {
  await using face = await serveFace({ node: fakeNode() })
  const takes = { '/': 'POST', '/pause': 'POST', '/unpause': 'POST', '/update-config': 'POST', '/stop': 'POST' }
  for (const [path, allow] of Object.entries({ ...takes, '/stats': 'GET', '/health': 'GET' })) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
      if (method === allow) continue
      const { status, headers } = await ask(face.port, { method, path })
      assert.deepEqual(
        [status, headers.allow, headers['errand-code']],
        [405, allow, 'unsupported'],
        `${method} ${path}`,
      )
    }
  }
})

test('a listener without control answers its control routes with 403 and asks the node nothing', async () => {
  const never = async (): Promise<never> => assert.fail('the node was asked')
  const node = fakeNode({ pause: never, unpause: never, reconfigure: never, stop: never })
  await using face = await serveFace({ node, hasControl: false })
  for (const path of ['/pause', '/unpause', '/update-config', '/stop']) {
    const { status, headers } = await ask(face.port, { path, body: grant })
    assert.deepEqual([status, headers['errand-code']], [403, 'forbidden'], path)
  }
  assert.equal((await ask(face.port, { body: hello })).status, 200)
})
