import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ExecutionRequest } from '../core/execution-request.ts'
import { MIB } from '../core/resources.ts'
import type { ExecutionsApi } from '../service/executions-api.ts'
import { LastingNode } from './lasting-node.fixture.ts'

const never = (): AbortSignal => AbortSignal.timeout(30_000)

const IMAGES = { forever: {}, short: { output: ['done\n'], exit: { code: 0 } } }

function request(image: keyof typeof IMAGES, more: Partial<ExecutionRequest> = {}): ExecutionRequest {
  const resources = { cpu: 0.5, memoryBytes: 16 * MIB }
  return { engineSpec: { type: 'docker', params: { image } }, resources, ...more }
}

async function running(executions: ExecutionsApi, more: Partial<ExecutionRequest> = {}): Promise<string> {
  const id = (await executions.submit(request('forever', more))).record.executionId
  await executions.waitForStatus(id, 'running', 30_000)
  return id
}

async function ended(executions: ExecutionsApi): Promise<string> {
  const id = (await executions.submit(request('short'))).record.executionId
  assert.equal((await executions.wait(id, never())).status, 'succeeded')
  return id
}

describe('F1: a node that is renamed', () => {
  test('knows what it ran, and what it is told again, and watches what runs', async () => {
    await using node = await LastingNode.make(IMAGES)
    const key = { key: 'k', digest: 'd' }
    const [past, living] = await (async () => {
      await using daemon = await node.open('node=before')
      const { executions } = daemon
      const { executionId } = (await executions.submit(request('short'), { key })).record
      await executions.wait(executionId, never())
      return [executionId, await running(executions)] as const
    })()
    await using daemon = await node.open('node=after')
    const { executions } = daemon
    assert.equal((await executions.wait(past, never())).stdout, 'done\n')
    assert.equal((await executions.submit(request('short'), { key })).record.executionId, past)
    assert.equal((await executions.getInfo(living)).status, 'running')
    assert.equal(node.engine.sandboxes.length, 1)
    await executions.cancel(living, { graceMs: 0 })
  })

  test('by an earlier version finds what it had under every name', async () => {
    await using node = await LastingNode.make(IMAGES)
    const [first, living] = await (async () => {
      await using daemon = await node.open()
      const { executions } = daemon
      return [await ended(executions), await running(executions)] as const
    })()
    // As that version would have kept them under another name.
    await node.rename(first, 'before')
    await using daemon = await node.open('node=after')
    const { executions } = daemon
    assert.equal((await executions.getInfo(first)).status, 'succeeded')
    assert.equal((await executions.getInfo(living)).status, 'running')
    await executions.cancel(living, { graceMs: 0 })
    await executions.remove(first)
    await assert.rejects(executions.getInfo(first), { code: 'not_found' })
  })
})
