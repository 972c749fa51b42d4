import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SandboxView } from '../../engine/engine.ts'
import { ExecutionsBench, FULL } from './executions-bench.fixture.ts'

const NEVER = new AbortController().signal

function sandboxOf(bench: ExecutionsBench): SandboxView {
  const [view] = bench.engine.sandboxes
  assert.ok(view)
  return view
}

describe('an execution', () => {
  test('whose freezing cannot be recorded is thawed again', async () => {
    await using bench = await ExecutionsBench.make({ forever: {} })
    const { executions } = await bench.open()
    const request = bench.request('forever')
    await executions.start(request)
    bench.journal.refuse('paused', FULL)
    await assert.rejects(executions.pause(request.executionId), { code: 'storage_full' })
    assert.deepEqual([sandboxOf(bench).state, await executions.getStatus(request.executionId)], ['running', 'running'])
    await executions.pause(request.executionId)
    assert.deepEqual([sandboxOf(bench).state, await executions.getStatus(request.executionId)], ['paused', 'paused'])
  })

  test('that was frozen by a process which did not live to say so is paused, and can be thawed', async () => {
    await using bench = await ExecutionsBench.make({ forever: {} })
    const first = await bench.open()
    const request = bench.request('forever')
    await first.executions.start(request)
    await first.letGo()
    await bench.engine.pause(sandboxOf(bench), NEVER)
    const { executions } = await bench.open()
    await executions.waitForStatus(request.executionId, 'paused', 30_000)
    await executions.resume(request.executionId)
    assert.deepEqual([sandboxOf(bench).state, await executions.getStatus(request.executionId)], ['running', 'running'])
  })

  test('that was thawed by a process which did not live to say so runs', async () => {
    await using bench = await ExecutionsBench.make({ forever: {} })
    const first = await bench.open()
    const request = bench.request('forever')
    await first.executions.start(request)
    await first.executions.pause(request.executionId)
    await first.letGo()
    await bench.engine.resume(sandboxOf(bench), NEVER)
    const { executions } = await bench.open()
    await executions.waitForStatus(request.executionId, 'running', 30_000)
  })

  test('that somebody else froze is thawed by whoever lets it go on', async () => {
    await using bench = await ExecutionsBench.make({ forever: {} })
    const { executions } = await bench.open()
    const request = bench.request('forever')
    await executions.start(request)
    await bench.engine.pause(sandboxOf(bench), NEVER)
    await executions.resume(request.executionId)
    assert.equal(sandboxOf(bench).state, 'running')
  })
})
