import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { httpCall } from '../support/http-call.ts'
import { puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

const CAPACITY = ['total_cpu', 'total_mem', 'task_cpu', 'task_mem', 'gpu_model', 'task_gpu']
const SETTINGS = ['cpu=1', 'mem=512', 'resources.cpuOvercommit=1']
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

async function capacity(node: ServeProcess): Promise<unknown[]> {
  const stats = await node.get('/stats')
  return CAPACITY.map((key) => stats[key])
}

/** Status and body of an update, whatever it holds. */
async function update(node: ServeProcess, body: string): Promise<[number, unknown]> {
  const [address = ''] = await node.addresses()
  const { status, text } = await httpCall(address, { method: 'POST', path: '/update-config', body })
  return [status, JSON.parse(text)]
}

test('an update is refused unless the node is paused', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: SETTINGS })
  const before = await capacity(node)
  const { success, code } = await node.post('/update-config', { cpu: 0.5, mem: 64 })
  assert.deepEqual([success, code], [false, 'validation_failed'])
  assert.deepEqual(await capacity(node), before)
})

test('an update while paused replaces every limit, and the new ones hold', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: [...SETTINGS, 'log.level=debug'] })
  const request = await puppetRequest({ print: 'x' })
  const task = (resource: object, runtime = 'container') => node.execute({ ...request, resource, runtime })
  assert.equal((await task({ cpu: 0.5, mem: 64 }, 'microVM')).code, 'runtime_unavailable')
  assert.equal((await task({ cpu: 0.6, mem: 300 })).success, true)

  await node.post('/pause')
  const wanted = { timeout: 0.02, cpu: 0.5, mem: 256, has_gpu: true, microVM_runtime: 'runc' }
  const [status, answer] = await update(node, JSON.stringify({ type: 'docker', ...wanted }))
  assert.equal(status, 200)
  assert.deepEqual(answer, { success: true, msg: 'configuration replaced', config: wanted })
  await node.post('/unpause')

  assert.deepEqual((await capacity(node)).slice(2), [0.5, 256, '', 0])
  assert.equal((await task({ cpu: 0.6, mem: 64 })).code, 'resources_unsatisfiable')
  assert.equal((await task({ cpu: 0.5, mem: 300 })).code, 'resources_unsatisfiable')
  assert.equal((await task({ cpu: 0.5, mem: 256 }, 'microVM')).success, true)
  const { instance } = await node.log.entry('removing an instance', { why: 'its keep-alive is over' })
  await node.log.entry('an instance moved', { instance, to: 'gone' })
  assert.deepEqual(await home.containers(), [])
})

test('what an update leaves out gets its default, and what the host lacks is capped', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: [...SETTINGS, 'timeout=7', 'has_gpu=true', 'microVM_runtime=kata'] })
  const [cores, memory] = (await capacity(node)) as number[]
  await node.post('/pause')
  const [, answer] = await update(node, '{"cpu": 5000, "mem": 100000000}')
  const { config } = answer as { config: Record<string, unknown> }
  const { mem, ...rest } = config
  assert.deepEqual(rest, { timeout: 1, cpu: availableParallelism(), has_gpu: false, microVM_runtime: null })
  assert.equal(cores, availableParallelism())
  const share = Number(mem) / (memory ?? 0)
  assert.ok(share > 0.79 && share <= 0.8, `${share} of the host's memory`)
})

test('a rejected update changes nothing', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: SETTINGS })
  const before = await capacity(node)
  await node.post('/pause')
  const refused = [
    '{"cpu": 0.05, "mem": 64}',
    '{"cpu": 0.25, "mem": 64}',
    '{"cpu": 0.5, "mem": 3}',
    '{"cpu": 0.5, "mem": 64.5}',
    '{"cpu": 0.5, "mem": 64, "timeout": 0}',
    '{"cpu": 0.5, "mem": 64, "timeout": -1}',
  ]
  for (const body of refused) {
    const [status, answer] = await update(node, body)
    const { success, code } = answer as Record<string, unknown>
    assert.deepEqual([body, status, success, code], [body, 200, false, 'validation_failed'])
  }
  const malformed = [
    '',
    '{',
    '[]',
    'null',
    '{"cpu": 0.5}',
    '{"mem": 64}',
    '{"cpu": 0, "mem": 64}',
    '{"cpu": 0.5, "mem": -64}',
    '{"cpu": "0.5", "mem": 64}',
    '{"cpu": 0.5, "mem": 64, "has_gpu": "yes"}',
    '{"cpu": 0.5, "mem": 64, "microVM_runtime": 7}',
  ]
  for (const body of malformed) {
    assert.deepEqual([body, ...(await update(node, body))], [body, 400, 'Bad reconfiguration request'])
  }
  await node.post('/unpause')
  assert.deepEqual(await capacity(node), before)
  const largest = { ...(await puppetRequest({ print: 'x' })), resource: { cpu: 1, mem: 512 } }
  assert.equal((await node.execute(largest)).success, true)
  assert.equal((await node.execute({ ...largest, runtime: 'microVM' })).code, 'runtime_unavailable')
})
