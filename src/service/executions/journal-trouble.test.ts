import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../../core/manual-clock.ts'
import { DEAD, ExecutionsBench, FULL } from './executions-bench.fixture.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'

const IMAGES = {
  job: {
    run: async (process: {
      untilSignal(name: 'SIGUSR1'): Promise<unknown>
      write(path: string, file: string): void
    }) => {
      await process.untilSignal('SIGUSR1')
      process.write('/result', 'of some worth')
      return 0
    },
  },
  quick: { output: ['done\n'], exit: { code: 0 } },
} as const

const NEVER = new AbortController().signal

async function finish(bench: ExecutionsBench): Promise<void> {
  for (const ref of bench.engine.sandboxes) await bench.engine.signal(ref, 'SIGUSR1', NEVER)
}

describe('I5: a journal that cannot keep a change of what runs', () => {
  for (const status of ['running', 'finalizing', 'succeeded'] as const) {
    test(`when it comes to be ${status} is asked again, and nothing is lost`, async () => {
      await using bench = await ExecutionsBench.make(IMAGES)
      const { executions } = await bench.open()
      bench.journal.refuse(status, FULL)
      const { executionId } = bench.request('job')
      const started = executions.start({ ...bench.request('job'), executionId, outputs: [{ path: '/result' }] })
      await started
      await finish(bench)
      const { status: end, reason, exitCode, outputs, attempt } = await executions.wait(executionId)
      assert.deepEqual([end, reason, exitCode, outputs.length, attempt], ['succeeded', undefined, 0, 1, 1])
    })
  }

  test('before anything has started fails it, and nothing runs', async () => {
    await using bench = await ExecutionsBench.make(IMAGES)
    const { executions } = await bench.open()
    bench.journal.refuse('creating', FULL)
    const request = bench.request('quick')
    await assert.rejects(executions.start(request), { code: 'storage_full' })
    const { status, reason } = await executions.wait(request.executionId)
    assert.deepEqual([status, reason, bench.engine.calls.start], ['failed', 'engine_storage_full', 0])
  })
})

test('I1: the time of one whose end the journal could not keep does not come', async () => {
  const clock = new ManualClock()
  await using bench = await ExecutionsBench.make(IMAGES, clock)
  const { executions } = await bench.open()
  const request = bench.request('job')
  await executions.start(request)
  bench.journal.refusal = () => DEAD
  await finish(bench)
  await assert.rejects(executions.wait(request.executionId), { code: 'storage_error' })
  for (let turns = 0; turns < 20; turns += 1) await turn()
  await assert.rejects(executions.cancel(request.executionId), { code: 'not_ready' })
  await clock.advance(DEFAULTS.retentionMs)
  for (let turns = 0; turns < 20; turns += 1) await turn()
  assert.notEqual(await bench.journal.find('test', request.executionId), undefined)
  bench.journal.refusal = () => undefined
})

test('I1: what ends once the journal has failed for good is left to the next process, with its sandbox', async () => {
  await using bench = await ExecutionsBench.make(IMAGES)
  const first = await bench.open()
  const request = { ...bench.request('job'), outputs: [{ path: '/result' }] }
  await first.executions.start(request)
  bench.journal.refusal = () => DEAD
  await finish(bench)
  await assert.rejects(first.executions.wait(request.executionId), { code: 'storage_error' })
  for (let turns = 0; turns < 20; turns += 1) await turn()
  assert.deepEqual(
    bench.engine.sandboxes.map(({ state }) => state),
    ['exited'],
  )
  await first.letGo()
  bench.journal.refusal = () => undefined
  const { executions } = await bench.open()
  const { status, exitCode, outputs } = await executions.wait(request.executionId)
  assert.deepEqual([status, exitCode, outputs.length], ['succeeded', 0, 1])
})
