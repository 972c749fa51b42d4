import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { docker } from '../support/engine-host.ts'
import { puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

const MIB = 1024 * 1024
const SMALL = { cpu: 0.5, mem: 64 }
const STATS = {
  total_cpu: 'number',
  total_mem: 'number',
  used_cpu: 'number',
  used_mem: 'number',
  task_cpu: 'number',
  task_mem: 'number',
  task_used_cpu: 'number',
  task_used_mem: 'number',
  gpu_model: 'string',
  task_gpu: 'number',
  task_used_gpu: 'number',
}
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

describe('the wire of the MECAnywhere executor', options, () => {
  let home: Home
  let node: ServeProcess
  let url: string
  let hello: string

  before(async () => {
    hello = await ensureImage('hello-node')
    home = await Home.make()
    node = await home.serve({ settings: ['cpu=2', 'mem=1000', 'images.pull=never', 'resources.cpuOvercommit=1'] })
    url = `http://${(await node.addresses())[0]}`
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })

  async function send(method: string, path: string, body?: string): Promise<[number, unknown]> {
    const response = await fetch(url + path, body === undefined ? { method } : { method, body })
    assert.equal(response.headers.get('content-type'), 'application/json')
    return [response.status, await response.json()]
  }

  /** What `docker inspect` says of the one container that a request on an emptied node leaves. */
  async function limitsOf(resource: unknown): Promise<string> {
    await node.post('/pause')
    await node.post('/unpause')
    assert.equal((await node.execute({ id: hello, resource, input: 'x' })).success, true)
    const [container = ''] = await home.containers()
    const [limits = ''] = await docker(
      'inspect',
      '--format',
      '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}',
      container,
    )
    return limits
  }

  test('POST / answers 200 with success and msg, and nothing else', async () => {
    const body = JSON.stringify({ id: hello, resource: SMALL, runtime: 'container', input: 'Wörld', use_sgx: false })
    assert.deepEqual(await send('POST', '/', body), [200, { success: true, msg: 'Hello, Wörld!' }])
  })

  test('fields that are null count as absent, and unknown ones are ignored', async () => {
    const resource = { ...SMALL, memory: null, use_gpu: null, gpu_count: null, disk: 7 }
    const body = JSON.stringify({ id: hello, resource, runtime: null, input: '1', use_sgx: null, more: [] })
    assert.deepEqual(await send('POST', '/', body), [200, { success: true, msg: 'Hello, 1!' }])
  })

  test('a body that is no request answers 400 and a bare string', async () => {
    const bodies = [
      '',
      '{',
      '[]',
      'null',
      '"text"',
      '{}',
      '{"id": "a"}',
      '{"input": "a"}',
      '{"id": 1, "input": "a"}',
      '{"id": "a", "input": {"a": 1}}',
      '{"id": "a", "input": "a", "resource": 1}',
      '{"id": "a", "input": "a", "resource": {"cpu": "1"}}',
      '{"id": "a", "input": "a", "runtime": 1}',
      '{"id": "a", "input": "a", "use_sgx": "yes"}',
    ]
    for (const body of bodies) {
      assert.deepEqual([body, ...(await send('POST', '/', body))], [body, 400, 'Bad execution request'])
    }
    assert.deepEqual(await send('POST', '/update-config', '{"cpu": 1}'), [400, 'Bad reconfiguration request'])
  })

  test('GET /health answers ok, unknown paths 404, wrong methods 405', async () => {
    assert.deepEqual(await send('GET', '/health'), [200, { status: 'ok' }])
    assert.equal((await send('GET', '/nothing'))[0], 404)
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/pause'],
      ['POST', '/stats'],
      ['DELETE', '/stop'],
    ] as const) {
      const response = await fetch(url + path, { method })
      assert.equal(response.status, 405)
      assert.equal(response.headers.get('allow'), method === 'POST' ? 'GET' : 'POST')
      await response.text()
    }
  })

  test('GET /stats has the fields, types and units of the original', async () => {
    await limitsOf({ cpu: 0.5, mem: 100 })
    const [status, answer] = await send('GET', '/stats')
    const stats = answer as Record<string, number>
    const types = Object.fromEntries(Object.entries(stats).map(([key, value]) => [key, typeof value]))
    assert.deepEqual([status, types], [200, STATS])
    const { task_cpu, task_mem, task_used_cpu, task_used_mem, task_gpu, task_used_gpu } = stats
    assert.deepEqual([task_cpu, task_mem, task_used_cpu, task_used_mem], [2, 1000, 25, 10])
    assert.deepEqual([task_gpu, task_used_gpu], [0, 0])
    for (const key of ['used_cpu', 'used_mem'])
      assert.ok(stats[key] !== undefined && stats[key] >= 0 && stats[key] <= 100)
  })

  test('resources that are absent or zero are 1 core and 128 MB', async () => {
    const standard = `${1e9} ${128 * MIB}`
    for (const resource of [undefined, {}, { cpu: 0, mem: 0 }]) assert.equal(await limitsOf(resource), standard)
  })

  test('cores go by tenths, and `memory` stands for `mem`', async () => {
    assert.equal(await limitsOf({ cpu: 0.7 }), `${0.7e9} ${128 * MIB}`)
    assert.equal(await limitsOf({ cpu: 0.5, memory: 96 }), `${0.5e9} ${96 * MIB}`)
    assert.equal(await limitsOf({ cpu: 1.1, mem: 97, memory: 500 }), `${1.1e9} ${97 * MIB}`)
  })

  test('what can never be had is refused at once, with its code beside success and msg', async () => {
    const refused = {
      resources_unsatisfiable: [{ cpu: 2.1 }, { mem: 1001 }, { ...SMALL, use_gpu: true }, { ...SMALL, gpu_count: 2 }],
      validation_failed: [{ cpu: 0.05 }, { cpu: 0.25 }, { mem: 5 }, { mem: 64.5 }, { cpu: -1 }, { gpu_count: -1 }],
    }
    for (const [code, resources] of Object.entries(refused)) {
      for (const resource of resources) {
        const [status, answer] = await send('POST', '/', JSON.stringify({ id: hello, resource, input: '' }))
        const { success, msg, ...more } = answer as Record<string, unknown>
        assert.deepEqual([resource, status, success, more.code], [resource, 200, false, code])
        assert.ok(typeof msg === 'string' && msg !== '')
      }
    }
    const without = { ...SMALL, use_gpu: false, gpu_count: 0 }
    assert.equal((await node.execute({ id: hello, resource: without, input: '' })).success, true)
  })

  test('a runtime or device that this host lacks is refused, never replaced', async () => {
    for (const more of [{ runtime: 'microVM' }, { use_sgx: true }]) {
      const { success, code } = await node.execute({ id: hello, resource: SMALL, input: '', ...more })
      assert.deepEqual([more, success, code], [more, false, 'runtime_unavailable'])
    }
    const { code } = await node.execute({ id: hello, resource: SMALL, input: '', runtime: 'vm' })
    assert.equal(code, 'validation_failed')
  })

  test('an id may be a reference, sha256: and a digest, or the bare digest of an image', async () => {
    const [id = ''] = await docker('image', 'inspect', '--format', '{{.Id}}', hello)
    for (const name of [hello, id, id.replace('sha256:', '')]) {
      const answer = await node.execute({ id: name, resource: SMALL, input: 'x' })
      assert.deepEqual([name, answer], [name, { success: true, msg: 'Hello, x!' }])
    }
    const { success, code } = await node.execute({ id: 'errand-test/absent', resource: SMALL, input: 'x' })
    assert.deepEqual([success, code], [false, 'image_not_found'])
  })

  test("a task's own error status is told as a failure, with its body and status and no code of ours", async () => {
    const failing = await puppetRequest({ answer: { status: 503, body: 'not today' } })
    assert.deepEqual(await node.execute(failing), { success: false, msg: 'not today', status: 503 })
    const created = await puppetRequest({ answer: { status: 201, body: 'made' } })
    assert.deepEqual(await node.execute(created), { success: true, msg: 'made' })
  })

  const skip = spawnSync('curl', ['--version']).status === 0 ? false : 'curl is missing'

  test('curl, with the content type it sends by itself, gets through every path', { skip }, async () => {
    const curl = async (...args: string[]): Promise<unknown> => JSON.parse(await run('curl', ['--silent', ...args]))
    const body = JSON.stringify({ id: hello, resource: SMALL, input: 'curl' })
    assert.deepEqual(await curl('--data', body, url), { success: true, msg: 'Hello, curl!' })
    const chunked = ['--header', 'transfer-encoding: chunked', '--header', 'expect: 100-continue']
    assert.deepEqual(await curl(...chunked, '--data', body, url), { success: true, msg: 'Hello, curl!' })
    assert.deepEqual(await curl(`${url}/health`), { status: 'ok' })
    assert.equal(await curl('--data', '{"id": 1}', url), 'Bad execution request')
    const [, msg] = Object.values((await curl('--request', 'POST', `${url}/pause`)) as object)
    assert.equal(msg, 'paused: no request in flight, every task removed')
    const updated = (await curl('--data', '{"cpu": 1, "mem": 500}', `${url}/update-config`)) as { config: object }
    assert.deepEqual(updated.config, { timeout: 1, cpu: 1, mem: 500, has_gpu: false, microVM_runtime: null })
    assert.deepEqual(await curl('--request', 'POST', `${url}/unpause`), { success: true, msg: 'running' })
    assert.equal(((await curl(`${url}/stats`)) as { task_mem: number }).task_mem, 500)
    const stopped = await curl('--request', 'POST', `${url}/stop`)
    assert.deepEqual(stopped, { success: true, msg: 'stopped: every task removed' })
    assert.deepEqual(await node.ended, { code: 0, signal: null })
  })
})

test('mecaStrictCompat answers in the words of the original and nothing more', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: ['mecaStrictCompat=true', 'images.pull=never'] })
  const failing = await puppetRequest({ answer: { status: 500, body: 'broken' } })
  assert.deepEqual(await node.execute(failing), { success: true, msg: 'broken' })
  const absent = await node.execute({ id: 'errand-test/absent', input: '' })
  assert.deepEqual([absent.success, Object.keys(absent)], [false, ['success', 'msg']])
  await node.post('/pause')
  const updated = await node.post('/update-config', { cpu: 1, mem: 500 })
  assert.deepEqual(updated, { success: true, msg: 'configuration replaced' })
})
