import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'
import { EngineProxy } from '../support/engine-proxy.ts'
import { hang } from '../support/hanging-request.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

const options = { timeout: 300_000 }

describe('what can never run here is refused at once', options, () => {
  let proxy: EngineProxy
  let node: TestDaemon
  let id: string
  before(async () => {
    id = await ensureImage('hello-node')
    proxy = await EngineProxy.open()
    node = await startDaemon(['cpu=1', 'mem=256', proxy.setting])
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
    await proxy[Symbol.asyncDispose]()
  })

  const refused = {
    'one GPU': [{ resource: { use_gpu: true } }, 'resources_unsatisfiable', /maximum: 1 GPU asked, at most 0 GPUs/],
    'two GPUs': [{ resource: { gpu_count: 2 } }, 'resources_unsatisfiable', /maximum: 2 GPUs asked, at most 0 GPUs/],
    'more cores than configured': [
      { resource: { cpu: 1.1, mem: 64 } },
      'resources_unsatisfiable',
      /^resource limit exceeds the maximum: 1.1 cores asked, at most 1 core$/,
    ],
    'more memory than configured': [
      { resource: { cpu: 0.1, mem: 257 } },
      'resources_unsatisfiable',
      /^resource limit exceeds the maximum: 257 MiB asked, at most 256 MiB$/,
    ],
    'a share of cpu that is no step': [{ resource: { cpu: 0.25, mem: 64 } }, 'validation_failed', /steps of 0.1/],
    'less memory than a container can have': [{ resource: { cpu: 0.1, mem: 5 } }, 'validation_failed', /at least 6/],
    'a microVM where no runtime stands for it': [{ runtime: 'microVM' }, 'runtime_unavailable', /microVM_runtime/],
    'SGX where it is not enabled': [{ use_sgx: true }, 'runtime_unavailable', /sgx.enable/],
  } as const

  for (const [what, [request, code, message]] of Object.entries(refused)) {
    test(`${what}: ${code}`, async () => {
      const before = proxy.requests.length
      const answer = await node.execute({ id, input: '', ...request })
      assert.deepEqual([answer.success, answer.code], [false, code])
      assert.match(answer.msg, message)
      assert.deepEqual(proxy.requests.slice(before), [], 'the engine was not asked')
    })
  }

  test('a runtime that the engine does not know: runtime_unavailable', async () => {
    await using other = await startDaemon(['microVM_runtime=kata-that-is-not-there'])
    const answer = await other.execute({ id, input: '', runtime: 'microVM' })
    assert.deepEqual([answer.success, answer.code], [false, 'runtime_unavailable'])
    assert.match(answer.msg, /kata-that-is-not-there/)
  })
})

test('a task that does not fit waits, and is served when there is room', options, async () => {
  await using node = await startDaemon(['cpu=1'])
  const id = await ensureTask('talk')
  const order: string[] = []
  const execute = async (name: string, mem: number, ms: number): Promise<void> => {
    const request = { id, resource: { cpu: 0.6, mem }, input: say({ order: 'sleep', ms }) }
    order.push(`${name} ${(await node.execute(request)).msg}`)
  }
  await execute('warm-up', 64, 0)
  const first = execute('first', 64, 400)
  await Promise.all([first, execute('second', 65, 0)])
  assert.deepEqual(order, ['warm-up slept', 'first slept', 'second slept'])
})

test('a task that waits in vain is told what is missing and who holds it', options, async () => {
  await using node = await startDaemon(['cpu=1', 'tasks.queueTimeoutMs=200'])
  await using _busy = await hang(node, { cpu: 0.6, mem: 64 })
  const answer = await node.execute({ id: await ensureImage('hello-node'), resource: { cpu: 0.5, mem: 64 }, input: '' })
  assert.deepEqual([answer.success, answer.code], [false, 'resources_exhausted'])
  const image = await ensureTask('talk')
  assert.equal(answer.msg, `no room within 200 ms: 0.5 cores asked, 0.4 cores free; held by ${image} (0.6 cores)`)
  const { resource, asked, free, holders } = answer.details ?? {}
  assert.deepEqual([resource, asked, free], ['cpuMillis', 500, 400])
  assert.equal((holders as { image: string }[]).length, 1)
  assert.ok((answer.retryAfterMs ?? 0) > 0)
})

test('more than tasks.queueLimit may not wait', options, async () => {
  await using node = await startDaemon(['cpu=1', 'tasks.queueLimit=1'])
  await using busy = await hang(node, { cpu: 0.6, mem: 64 })
  const request = { id: await ensureImage('hello-node'), resource: { cpu: 0.5, mem: 64 }, input: 'you' }
  const both = [node.execute(request), node.execute({ ...request, resource: { cpu: 0.4, mem: 65 } })]
  const refused = await Promise.race(both)
  assert.deepEqual([refused.success, refused.code], [false, 'queue_full'])
  assert.ok((refused.retryAfterMs ?? 0) > 0)
  await busy[Symbol.asyncDispose]()
  const answers = await Promise.all(both)
  assert.equal(answers.filter(({ success }) => success).length, 1)
})
