import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { ErrandError } from '../core/errors.ts'
import type { ExecutionStatus } from '../core/execution.ts'
import { refused } from './conformance-asserts.ts'
import type { ExecutorBench, ExecutorTest } from './conformance-bench.ts'

const LONG_MS = 60_000

/** Ending what runs, or does not run yet. */
export const CANCEL_TESTS: Record<string, ExecutorTest> = {
  async 'a cancelled task gets SIGTERM, and its output and exit code are kept'(bench) {
    const executionId = await bench.startReady('wait')
    await bench.executor.cancel(executionId, { graceMs: LONG_MS, signal: bench.signal })
    const result = await bench.wait(executionId)
    assert.deepEqual([result.status, result.reason, result.exitCode], ['cancelled', undefined, 143])
    assert.deepEqual([result.stdout, result.wasForced], ['ready\n', false])
  },

  async 'a task that ignores SIGTERM is killed after its grace'(bench) {
    const executionId = await bench.startReady('stubborn')
    await bench.executor.cancel(executionId, { graceMs: 300, signal: bench.signal })
    const result = await bench.wait(executionId)
    assert.deepEqual([result.status, result.exitCode, result.wasForced], ['cancelled', 137, true])
    assert.deepEqual([result.stdout, result.isOomKilled], ['ready\n', false])
  },

  async 'a second cancellation with less grace makes the first one quicker'(bench) {
    const executionId = await bench.startReady('stubborn')
    const patient = bench.executor.cancel(executionId, { graceMs: LONG_MS * 60, signal: bench.signal })
    await bench.executor.cancel(executionId, { graceMs: 0, signal: bench.signal })
    await patient
    assert.equal((await bench.wait(executionId)).status, 'cancelled')
  },

  async 'a task is told to end by the signal that it asked for'(bench) {
    const executionId = await bench.startReady('catch', ['USR1'], { stopSignal: 'SIGUSR1' })
    await bench.executor.cancel(executionId, { graceMs: LONG_MS, signal: bench.signal })
    const { status, exitCode, stdout } = await bench.wait(executionId)
    assert.deepEqual([status, exitCode, stdout], ['cancelled', 5, 'ready\ncaught\n'])
  },

  async 'a paused task can be cancelled'(bench) {
    const executionId = await bench.startReady('wait')
    await bench.executor.pause(executionId, bench.signal)
    await bench.executor.cancel(executionId, { graceMs: LONG_MS, signal: bench.signal })
    assert.equal((await bench.wait(executionId)).status, 'cancelled')
  },

  async 'cancelling what has ended is refused, and changes nothing'(bench) {
    const before = await bench.run('print', ['out', '', '0'])
    await refused(bench.executor.cancel(before.executionId), 'already_ended')
    assert.deepEqual(await bench.wait(before.executionId), before)
  },

  async 'an execution that waits for room is cancelled at once, and leaves nothing'(bench) {
    const narrow = await bench.another({ resources: { cpu: 1 } })
    const [first, second] = [bench.task('wait'), bench.task('wait')]
    await narrow.start(first, bench.signal)
    const started = narrow.start(second, bench.signal)
    started.catch(() => {})
    await untilKnown(narrow, second.executionId)
    await narrow.waitForStatus(second.executionId, 'queued', LONG_MS, bench.signal)
    await narrow.cancel(second.executionId, { signal: bench.signal })
    await refused(started, 'cancelled')
    assertNeverRan(await narrow.wait(second.executionId, bench.signal))
    await narrow.cancel(first.executionId, { graceMs: 0, signal: bench.signal })
  },

  async 'a cancellation on the way to running leaves nothing'(bench) {
    for (const status of ['accepted', 'queued', 'pulling', 'creating'] as const) await cancelIn(bench, status)
  },

  async 'a cancellation that races with the end gives one last word, which both sides agree on'(bench) {
    const seen = new Map<string, number>()
    for (let round = 0; round < bench.rounds; round += 1) {
      const word = await raceWithEnd(bench, round)
      seen.set(word, (seen.get(word) ?? 0) + 1)
    }
    for (const word of seen.keys()) assert.ok(['succeeded', 'cancelled'].includes(word), word)
  },
}

async function untilKnown(executor: ExecutorBench['executor'], executionId: string): Promise<void> {
  while ((await executor.list()).every((known) => known.executionId !== executionId)) await sleep(1)
}

async function cancelIn(bench: ExecutorBench, status: ExecutionStatus): Promise<void> {
  const request = bench.task('wait')
  const started = bench.executor.start(request, bench.signal)
  started.catch(() => {})
  await bench.known(request.executionId)
  await bench.executor.waitForStatus(request.executionId, status, LONG_MS, bench.signal)
  await bench.executor.cancel(request.executionId, { graceMs: 0, signal: bench.signal })
  const result = await bench.wait(request.executionId)
  assert.equal(result.status, 'cancelled', `cancelled in ${status}`)
  if (result.times.runningMs === undefined) await refused(started, 'cancelled')
  else await started
}

function assertNeverRan({ status, exitCode, times, stdout }: Awaited<ReturnType<ExecutorBench['wait']>>): void {
  assert.deepEqual([status, exitCode, times.runningMs, stdout], ['cancelled', -1, undefined, ''])
}

/** Cancels a task that is about to end by itself, a little later in each round. */
async function raceWithEnd(bench: ExecutorBench, round: number): Promise<string> {
  const executionId = await bench.start('print', ['out', '', '0'])
  await sleep(round % 10)
  const cancelled = await bench.executor.cancel(executionId, { signal: bench.signal }).then(
    () => true,
    (error: unknown) => {
      assert.ok(error instanceof ErrandError && error.code === 'already_ended', String(error))
      return false
    },
  )
  const result = await bench.wait(executionId)
  if (!cancelled) assert.equal(result.status, 'succeeded')
  assert.deepEqual(await bench.wait(executionId), result)
  await refused(bench.executor.cancel(executionId), 'already_ended')
  return result.status
}
