import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'
import { EngineProxy } from '../support/engine-proxy.ts'
import { hang } from '../support/hanging-request.ts'

const options = { timeout: 300_000 }

/** Runs the task of these resources so often, one request after the other; the container that it is in. */
async function use(node: TestDaemon, cpu: number, mem: number, times: number): Promise<string> {
  const before = await node.containers()
  const request = { id: await ensureImage('static-nginx'), resource: { cpu, mem }, input: '' }
  for (let time = 0; time < times; time += 1) assert.equal((await node.execute(request)).success, true)
  const [added = '', ...more] = (await node.containers()).filter((name) => !before.includes(name))
  assert.deepEqual(more, [])
  return added
}

async function usedCpu(node: TestDaemon): Promise<number> {
  return JSON.parse(await (await fetch(`${node.url}/stats`)).text()).task_used_cpu
}

describe('shortage', options, () => {
  test('evicts the least valuable idle instance, and no more than is needed', async () => {
    await using node = await startDaemon(['cpu=1'])
    const often = await use(node, 0.3, 64, 40)
    const seldom = await use(node, 0.3, 65, 1)
    const oftenToo = await use(node, 0.3, 66, 40)
    const added = await use(node, 0.3, 67, 1)
    assert.notEqual(seldom, '')
    assert.deepEqual((await node.containers()).sort(), [often, oftenToo, added].sort())
    assert.equal(await usedCpu(node), 90)
  })

  test('evicts as many as are needed', async () => {
    await using node = await startDaemon(['cpu=1'])
    for (const mem of [64, 65, 66]) await use(node, 0.3, mem, 1)
    const added = await use(node, 1, 64, 1)
    assert.deepEqual(await node.containers(), [added])
    assert.equal(await usedCpu(node), 100)
  })

  test('evicts nobody when even all idle instances together would not do', async () => {
    await using node = await startDaemon(['cpu=1', 'tasks.queueTimeoutMs=300'])
    const idle = await use(node, 0.3, 64, 1)
    await using busy = await hang(node, { cpu: 0.5, mem: 64 })
    const id = await ensureImage('static-nginx')
    const answer = await node.execute({ id, resource: { cpu: 0.6, mem: 64 }, input: '' })
    assert.equal(answer.code, 'resources_exhausted')
    assert.deepEqual((await node.containers()).sort(), [idle, busy.container].sort())
  })

  test('of memory evicts as well', async () => {
    await using node = await startDaemon(['cpu=1', 'mem=200'])
    await use(node, 0.1, 100, 1)
    const added = await use(node, 0.1, 101, 1)
    assert.deepEqual(await node.containers(), [added])
  })
})

test('30 starts and evictions at random shares of cpu give back exactly what they took', options, async () => {
  await using proxy = await EngineProxy.open()
  await using node = await startDaemon(['cpu=1', proxy.setting])
  const id = await ensureImage('static-nginx')
  for (let round = 0; round < 30; round += 1) {
    // Another amount of memory makes another task, so that every round is a start.
    const resource = { cpu: (1 + Math.floor(Math.random() * 7)) / 10, mem: 64 + round }
    assert.equal((await node.execute({ id, resource, input: '' })).success, true)
    assert.ok((await usedCpu(node)) <= 100)
  }
  assert.equal(proxy.creates, 30)
  for (const path of ['pause', 'unpause']) await fetch(`${node.url}/${path}`, { method: 'POST' })
  assert.equal(await usedCpu(node), 0)
})
