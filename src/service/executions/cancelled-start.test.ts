import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../../core/manual-clock.ts'
import { ExecutionsBench } from './executions-bench.fixture.ts'

const GRACE = { graceMs: 3_600_000 }
/** Ends with a code of its own when it is told to. */
const POLITE = {
  polite: {
    run: async (process: { untilSignal(name: 'SIGTERM'): Promise<unknown> }) => {
      await process.untilSignal('SIGTERM')
      return 7
    },
  },
} as const

describe('F29: a cancellation of what may have been started, and is not known to run', () => {
  for (const method of ['start', 'inspect'] as const) {
    test(`because its ${method} is not answered yet gives the grace, and its exit code and times are told`, async () => {
      await using bench = await ExecutionsBench.make(POLITE)
      const { executions } = await bench.open()
      const stalled = bench.engine.stall(method)
      const request = bench.request('polite')
      await executions.submit(request)
      await stalled.reached
      await executions.requestCancel(request.executionId, GRACE)
      assert.equal((await executions.getInfo(request.executionId)).status, 'creating')
      stalled[Symbol.dispose]()
      const { status, exitCode, times, wasForced } = await executions.wait(request.executionId)
      assert.deepEqual([status, exitCode, wasForced], ['cancelled', 7, false])
      assert.ok(times.runningMs !== undefined && times.finalizingMs !== undefined)
    })
  }

  test('because that is not recorded yet gives the grace, and its exit code and times are told', async () => {
    await using bench = await ExecutionsBench.make(POLITE)
    const { executions } = await bench.open()
    const stalled = bench.journal.stall('running')
    const request = bench.request('polite')
    await executions.submit(request)
    await stalled.reached
    const cancelled = executions.requestCancel(request.executionId, GRACE)
    await turn()
    stalled[Symbol.dispose]()
    await cancelled
    const { status, exitCode, times, wasForced } = await executions.wait(request.executionId)
    assert.deepEqual([status, exitCode, wasForced], ['cancelled', 7, false])
    assert.ok(times.runningMs !== undefined)
  })

  test('counts from the least grace that anybody gave', async () => {
    await using bench = await ExecutionsBench.make({ stubborn: { ignores: 'all' } })
    const { executions } = await bench.open()
    const stalled = bench.engine.stall('inspect')
    const request = bench.request('stubborn')
    await executions.submit(request)
    await stalled.reached
    await executions.requestCancel(request.executionId, GRACE)
    await executions.requestCancel(request.executionId, { graceMs: 0 })
    stalled[Symbol.dispose]()
    const { status, exitCode, wasForced } = await executions.wait(request.executionId)
    assert.deepEqual([status, exitCode, wasForced], ['cancelled', 137, true])
  })

  test('waits for an engine that does not answer no longer than the grace, or five seconds', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(POLITE, clock)
    const { executions } = await bench.open()
    using stalled = bench.engine.stall('inspect')
    const request = bench.request('polite')
    await executions.submit(request)
    await stalled.reached
    await executions.requestCancel(request.executionId, { graceMs: 0 })
    await clock.advance(5000)
    const { status, exitCode } = await executions.wait(request.executionId)
    assert.deepEqual([status, exitCode], ['cancelled', -1])
  })

  test('before the engine was asked to start it starts nothing', async () => {
    await using bench = await ExecutionsBench.make(POLITE)
    const { executions } = await bench.open()
    const stalled = bench.engine.stall('attach')
    const request = bench.request('polite')
    await executions.submit(request)
    await stalled.reached
    await executions.requestCancel(request.executionId, GRACE)
    stalled[Symbol.dispose]()
    assert.equal((await executions.wait(request.executionId)).status, 'cancelled')
    assert.equal(bench.engine.calls.start, 0)
  })
})
