import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { ExecutionStatus } from '../../core/execution.ts'
import { ExecutionsBench, FULL } from './executions-bench.fixture.ts'

const INTENT = { kind: 'cancel', atMs: 0, graceMs: 0 } as const
const IMAGES = { done: { exit: { code: 0 } }, forever: {}, stubborn: { ignores: 'all' } } as const

describe('F52: a cancellation that was recorded before its process died', () => {
  for (const status of ['accepted', 'queued', 'pulling', 'creating'] as const) {
    test(`while it was ${status} is carried out by the next one, and it never runs`, async () => {
      await using bench = await ExecutionsBench.make(IMAGES)
      const { executionId } = await leftIn(bench, status)
      await bench.rewrite(executionId, { intent: INTENT })
      const { executions } = await bench.open()
      const result = await executions.wait(executionId)
      assert.deepEqual([result.status, result.exitCode, result.times.runningMs], ['cancelled', -1, undefined])
      assert.deepEqual([bench.engine.calls.start, bench.engine.sandboxes], [0, []])
    })
  }

  test('when its container was made removes that', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executionId } = await leftIn(bench, 'creating')
    assert.equal(bench.engine.sandboxes.length, 1)
    const step = { name: bench.container(executionId), step: 'start' } as const
    await bench.rewrite(executionId, { intent: INTENT, step })
    const { executions } = await bench.open()
    assert.equal((await executions.wait(executionId)).status, 'cancelled')
    while (bench.engine.sandboxes.length > 0) await turn()
  })
})

describe('a cancellation', () => {
  test('is answered when it is recorded, however long its execution takes to end', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executions } = await bench.open()
    const request = bench.request('stubborn')
    await executions.start(request)
    await executions.requestCancel(request.executionId, { graceMs: 3_600_000 })
    const { status, intent } = await executions.getInfo(request.executionId)
    assert.deepEqual([status, intent?.kind], ['running', 'cancel'])
    await executions.cancel(request.executionId, { graceMs: 0 })
    assert.equal((await executions.getInfo(request.executionId)).status, 'cancelled')
  })

  test('that the journal cannot keep is answered when it can, or when the end is recorded', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executions } = await bench.open()
    const request = bench.request('forever')
    await executions.start(request)
    bench.journal.refuse('running', FULL)
    await executions.requestCancel(request.executionId)
    assert.equal((await bench.journal.find('test', request.executionId))?.intent?.kind, 'cancel')
    assert.equal((await executions.wait(request.executionId)).status, 'cancelled')
  })

  test('beside a stop of the node is refused as draining when it could not be recorded', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executions, letGo } = await bench.open()
    const request = bench.request('forever')
    await executions.start(request)
    bench.journal.refuse('running', FULL, Infinity)
    const refused = assert.rejects(executions.requestCancel(request.executionId), { code: 'draining' })
    await letGo()
    await refused
  })

  test('beside a stop of the node is carried out by the next one when it was recorded', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const stalled = bench.engine.stall('find')
    const first = await bench.open()
    const request = bench.request('done')
    await first.executions.submit(request)
    await stalled.reached
    const lettingGo = first.letGo()
    await first.executions.requestCancel(request.executionId)
    await lettingGo
    stalled[Symbol.dispose]()
    assert.equal((await bench.journal.find('test', request.executionId))?.intent?.kind, 'cancel')
    const { executions } = await bench.open()
    assert.equal((await executions.wait(request.executionId)).status, 'cancelled')
    assert.equal(bench.engine.calls.start, 0)
  })
})

/** Leaves one that a process was about to bring this far. */
async function leftIn(bench: ExecutionsBench, status: ExecutionStatus): Promise<{ executionId: string }> {
  const request = bench.request('done')
  const { executions, letGo } = await bench.open()
  const stalled = bench.engine.stall(status === 'creating' ? 'attach' : 'find')
  const { record } = await executions.submit(request)
  await stalled.reached
  await letGo()
  stalled[Symbol.dispose]()
  const { step: _step, host: _host, image: _image, ...early } = record
  if (status !== 'creating') await bench.journal.save({ ...early, status })
  return request
}

describe('F29: an execution that is told to end', () => {
  for (const [what, lose] of [
    ['before the kill took effect', false],
    ['when the kill has taken effect', true],
  ] as const) {
    test(`by an engine that dies ${what} is ended once that is back`, async () => {
      await using bench = await ExecutionsBench.make(IMAGES)
      const { executions } = await bench.open()
      const request = bench.request('stubborn')
      await executions.start(request)
      const stalled = bench.engine.stall('signal')
      await executions.requestCancel(request.executionId, { graceMs: 0 })
      await stalled.reached
      const away = bench.engine.goAway()
      if (lose) bench.engine.crash(bench.container(request.executionId), 137)
      stalled[Symbol.dispose]()
      const { status, message } = await executions.getInfo(request.executionId)
      assert.deepEqual([status, message], ['running', 'it is to end: it was cancelled'])
      away[Symbol.dispose]()
      const ended = await executions.wait(request.executionId)
      assert.deepEqual([ended.status, ended.exitCode, ended.wasForced], ['cancelled', 137, true])
    })
  }

  test('while its engine is away is ended by the next process, once both are back', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const first = await bench.open()
    const request = bench.request('stubborn')
    await first.executions.start(request)
    const away = bench.engine.goAway()
    await first.executions.requestCancel(request.executionId, { graceMs: 0 })
    await first.letGo()
    away[Symbol.dispose]()
    const { executions } = await bench.open()
    const { status, exitCode, wasForced } = await executions.wait(request.executionId)
    assert.deepEqual([status, exitCode, wasForced], ['cancelled', 137, true])
  })
})

test('F43: an execution that was killed by a process which did not live to say so was forced', async () => {
  await using bench = await ExecutionsBench.make(IMAGES)
  const first = await bench.open()
  const request = bench.request('stubborn')
  await first.executions.start(request)
  await first.letGo()
  await bench.rewrite(request.executionId, { intent: { ...INTENT, graceMs: 1000 } })
  bench.engine.crash(bench.container(request.executionId), 137)
  const { executions } = await bench.open()
  const { status, wasForced, warnings } = await executions.wait(request.executionId)
  assert.deepEqual([status, wasForced], ['cancelled', true])
  assert.match(warnings.join(), /killed after its grace/)
})
