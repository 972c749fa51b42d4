import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { ErrandError } from '../core/errors.ts'
import type { ExecutionRequest } from '../core/execution-request.ts'
import { MIB } from '../core/resources.ts'
import type { ExecutionsApi } from '../service/executions-api.ts'
import { LastingNode } from './lasting-node.fixture.ts'

const HOUR_MS = 3_600_000
const never = (): AbortSignal => AbortSignal.timeout(30_000)

const IMAGES = {
  forever: {},
  short: { output: ['done\n'], exit: { code: 0 } },
  wordy: { output: [`${'x'.repeat(399_999)}\n`], exit: { code: 0 } },
}

function request(image: keyof typeof IMAGES, more: Partial<ExecutionRequest> = {}): ExecutionRequest {
  const resources = { cpu: 0.5, memoryBytes: 16 * MIB }
  return { engineSpec: { type: 'docker', params: { image } }, resources, ...more }
}

async function submit(executions: ExecutionsApi, asked: ExecutionRequest): Promise<string> {
  return (await executions.submit(asked)).record.executionId
}

async function running(executions: ExecutionsApi, more: Partial<ExecutionRequest> = {}): Promise<string> {
  const id = await submit(executions, request('forever', more))
  await executions.waitForStatus(id, 'running', 30_000)
  return id
}

/** Resolves with its id once it has ended. */
async function talked(executions: ExecutionsApi): Promise<string> {
  const id = await submit(executions, request('wordy'))
  assert.equal((await executions.wait(id, never())).status, 'succeeded')
  return id
}

async function ids(executions: ExecutionsApi): Promise<string[]> {
  return (await executions.list()).map(({ executionId }) => executionId)
}

test('F19: nothing is accepted, let alone started, with less free than executions.minFreeBytes', async () => {
  await using node = await LastingNode.make(IMAGES)
  {
    await using daemon = await node.open('executions.minFreeBytes=1000000GiB')
    await assert.rejects(daemon.executions.submit(request('short')), { code: 'storage_full', retryAfterMs: 30_000 })
    assert.deepEqual([await ids(daemon.executions), node.engine.sandboxes], [[], []])
  }
  await using daemon = await node.open('executions.minFreeBytes=0')
  const id = await submit(daemon.executions, request('short'))
  assert.equal((await daemon.executions.wait(id, never())).status, 'succeeded')
})

test('beyond executions.retentionBytes those that ended first go with all that was kept of them, and none that lives', async () => {
  await using node = await LastingNode.make(IMAGES)
  const kept = async (): Promise<string[]> => (await readdir(join(node.stateDir, 'executions'))).toSorted()
  const [first, second, third, living] = await (async () => {
    // Each keeps its output twice: as a log, and as a text for people.
    await using daemon = await node.open('executions.retentionBytes=2000000')
    const { executions } = daemon
    const alive = await running(executions)
    const [one, two, three] = [await talked(executions), await talked(executions), await talked(executions)]
    while ((await ids(executions)).includes(one)) await turn()
    assert.deepEqual((await ids(executions)).toSorted(), [alive, two, three].toSorted())
    assert.deepEqual(await kept(), [alive, two, three].toSorted())
    return [one, two, three, alive] as const
  })()
  await using daemon = await node.open('executions.retentionBytes=1')
  while ((await ids(daemon.executions)).includes(second)) await turn()
  assert.deepEqual((await ids(daemon.executions)).toSorted(), [third, living].toSorted())
  assert.equal((await daemon.executions.wait(third, never())).stdout.length, 400_000)
  await assert.rejects(daemon.executions.getInfo(first), { code: 'not_found' })
  await daemon.executions.cancel(living, { graceMs: 0 })
})

describe('what an earlier daemon left', () => {
  test('when its journal had failed is taken up as it was, though it ended before that daemon did', async () => {
    await using node = await LastingNode.make(IMAGES)
    const id = await (async () => {
      const [[thread], daemon] = await Promise.all([once(process, 'worker') as Promise<[Worker]>, node.open()])
      const at = await running(daemon.executions)
      await thread.terminate()
      node.engine.crash(`errand-test-${at}-1`, 0)
      await daemon.stopped
      assert.equal(daemon.failure?.code, 'storage_error')
      return at
    })()
    assert.equal(node.engine.sandboxes.length, 1)
    await using daemon = await node.open()
    assert.equal((await daemon.executions.wait(id, never())).status, 'succeeded')
  })

  test('waits on for the rest of its time, and no longer for that the daemon was away', async () => {
    await using node = await LastingNode.make(IMAGES)
    const big = { resources: { cpu: 1, memoryBytes: 16 * MIB } }
    const [holder, impatient, patient] = await (async () => {
      await using daemon = await node.open()
      const { executions } = daemon
      const at = await running(executions, big)
      const soon = await submit(executions, request('short', { ...big, queueTimeoutMs: HOUR_MS }))
      const late = await submit(executions, request('short', { ...big, queueTimeoutMs: 3 * HOUR_MS }))
      for (const id of [soon, late]) await executions.waitForStatus(id, 'queued', 30_000)
      return [at, soon, late] as const
    })()
    node.pass(2 * HOUR_MS)
    await using daemon = await node.open()
    const { executions } = daemon
    const { status, reason } = await executions.wait(impatient, never())
    assert.deepEqual([status, reason], ['failed', 'queue_timeout'])
    assert.equal((await executions.getInfo(patient)).status, 'queued')
    await executions.cancel(holder, { graceMs: 0 })
    assert.equal((await executions.wait(patient, never())).status, 'succeeded')
  })

  test('runs on where its isolation, its device and its port would be refused by now, and keeps its lease', async () => {
    await using node = await LastingNode.make(IMAGES)
    const offers = ['isolation.gvisorRuntime=runc', 'sgx.enable=true', 'executions.publishAddresses=["::1"]']
    const ids = await (async () => {
      await using daemon = await node.open(...offers)
      const { executions } = daemon
      const portsToBind = [{ executorPort: 80, ip: '::1' }]
      return [
        await running(executions, { isolation: 'gvisor' }),
        await running(executions, { sgx: true, network: 'internal', portsToBind }),
      ]
    })()
    await using daemon = await node.open()
    const { executions, node: opened } = daemon
    for (const id of ids) assert.equal((await executions.getInfo(id)).status, 'running')
    assert.equal(opened.describe().resources.leased.cpuMillis, 1000)
    await assert.rejects(submit(executions, request('short', { isolation: 'gvisor' })), { code: 'runtime_unavailable' })
    for (const id of ids) await executions.cancel(id, { graceMs: 0 })
    for (const id of ids) assert.equal((await executions.getInfo(id)).status, 'cancelled')
  })

  test('and cannot be taken up is settled, never as a success, and keeps no other from being taken up', async () => {
    await using node = await LastingNode.make(IMAGES)
    const [sound, broken, waiting] = await (async () => {
      await using daemon = await node.open()
      const { executions } = daemon
      const left = [await running(executions), await running(executions)] as const
      return [...left, await submit(executions, request('short'))] as const
    })()
    await node.rewrite((record) => {
      const { executionId, request: asked } = record
      if (executionId === broken) return { ...record, request: { ...asked, timeoutMs: -1 } }
      if (executionId !== waiting) return record
      return { ...record, request: { ...asked, engineSpec: { ...asked.engineSpec, type: 'gone' } } }
    })
    await using daemon = await node.open()
    const { executions } = daemon
    const [lost, failed] = [await executions.getInfo(broken), await executions.getInfo(waiting)]
    assert.deepEqual([lost.status, lost.reason, lost.exitCode], ['lost', 'engine_error', -1])
    assert.match(lost.message, /could not be taken up again: .*timeoutMs/)
    assert.deepEqual([failed.status, failed.reason], ['failed', 'runtime_unavailable'])
    assert.equal((await executions.getInfo(sound)).status, 'running')
    assert.deepEqual(
      node.engine.sandboxes.map(({ name }) => name),
      [`errand-test-${sound}-1`],
    )
    await executions.cancel(sound, { graceMs: 0 })
    for (const id of [lost, failed].map(({ executionId }) => executionId)) await executions.remove(id)
    await assert.rejects(executions.getInfo(broken), (error) => ErrandError.from(error).code === 'not_found')
  })
})

test('an execution whose time is over goes when nobody reads its outputs any more', async () => {
  await using node = await LastingNode.make(IMAGES)
  await using daemon = await node.open('executions.retentionMs=1')
  const { executions } = daemon
  const read = await submit(executions, request('short', { retentionMs: 100 }))
  await executions.wait(read, never())
  const reader = await executions.openResult(read, [])
  const other = await submit(executions, request('short', { retentionMs: 200 }))
  while ((await ids(executions)).includes(other)) await turn()
  assert.deepEqual(await ids(executions), [read])
  await reader[Symbol.asyncDispose]()
  while ((await ids(executions)).length > 0) await turn()
})
