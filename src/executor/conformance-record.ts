import assert from 'node:assert/strict'
import { MIB } from '../core/resources.ts'
import type { ExecutionTimes } from '../service/executor.ts'
import { refused } from './conformance-asserts.ts'
import type { ExecutorTest } from './conformance-bench.ts'

const LONG_MS = 60_000

/** Where an execution stands. */
export const STATUS_TESTS: Record<string, ExecutorTest> = {
  async 'a status that was passed through meanwhile is not missed'(bench) {
    const request = bench.task('print', ['', '', '0'])
    const started = bench.executor.start(request, bench.signal)
    await bench.known(request.executionId)
    const seen = (['pulling', 'creating', 'running', 'finalizing', 'succeeded'] as const).map((status) =>
      bench.executor.waitForStatus(request.executionId, status, LONG_MS, bench.signal),
    )
    await Promise.all([started, ...seen])
  },

  async 'waiting for a status ends after its time-out'(bench) {
    const executionId = await bench.start('wait')
    await refused(bench.executor.waitForStatus(executionId, 'paused', 50, bench.signal), 'deadline_exceeded')
    assert.equal(await bench.executor.getStatus(executionId), 'running')
  },

  async 'waiting for a status that cannot come any more ends at once'(bench) {
    const executionId = await bench.startReady('wait')
    const waiting = refused(
      bench.executor.waitForStatus(executionId, 'succeeded', LONG_MS, bench.signal),
      'already_ended',
    )
    await bench.executor.cancel(executionId, { signal: bench.signal })
    await waiting
    await refused(bench.executor.waitForStatus(executionId, 'paused', LONG_MS, bench.signal), 'already_ended')
    await bench.executor.waitForStatus(executionId, 'cancelled', LONG_MS, bench.signal)
  },

  async 'a caller that gives up waiting for a status gets its own reason'(bench) {
    const executionId = await bench.start('wait')
    const leaving = new AbortController()
    const waiting = bench.executor.waitForStatus(executionId, 'paused', LONG_MS, leaving.signal)
    const reason = new Error('given up')
    leaving.abort(reason)
    await assert.rejects(waiting, reason)
  },

  async 'all executions are listed, the oldest first'(bench) {
    const first = await bench.run('print', ['', '', '1'], { jobId: 'job-1' })
    const second = await bench.start('wait')
    const list = await bench.executor.list()
    assert.deepEqual(
      list.map(({ executionId, jobId, status }) => [executionId, jobId, status]),
      [
        [first.executionId, 'job-1', 'failed'],
        [second, second, 'running'],
      ],
    )
  },
}

/** What is known of an execution in the end. */
export const RECORD_TESTS: Record<string, ExecutorTest> = {
  async 'the times of its way are all there, in order'(bench) {
    const { times } = await bench.run('print', ['', '', '0'])
    assertInOrder(times)
  },

  async 'a result tells the CPU time and the most memory that it used, where the engine can count them'(bench) {
    const { resources } = await bench.run('spin', ['200000'])
    const { cpuSeconds, memoryPeakBytes } = resources.used
    if (cpuSeconds !== undefined) assert.ok(cpuSeconds > 0.01 && cpuSeconds < 300, `${cpuSeconds} s`)
    if (memoryPeakBytes !== undefined) assert.ok(memoryPeakBytes > 0 && memoryPeakBytes <= 64 * MIB)
  },

  async 'a result tells what was asked for, and what it ran from'(bench) {
    const asked = { cpu: 0.5, memoryBytes: 48 * MIB, pids: 50 }
    const labels = { 'team/name': 'blue' }
    const result = await bench.run('print', ['', '', '0'], { resources: asked, jobId: 'job-7', labels })
    const { cpuMillis, memoryBytes, pids } = result.resources.asked
    assert.deepEqual([cpuMillis, memoryBytes, pids], [500, 48 * MIB, 50])
    assert.equal(result.image?.reference, bench.images.shell)
    assert.match(result.image.id, /^sha256:[0-9a-f]{64}$/)
    assert.deepEqual(
      [result.jobId, result.executorId, result.request.labels],
      ['job-7', bench.executor.getId(), labels],
    )
  },

  async 'a result counts the bytes that were printed'(bench) {
    const { logs } = await bench.run('print', ['12345', '123', '0'])
    assert.deepEqual(logs, { stdoutBytes: 5, stderrBytes: 3, droppedBytes: 0, gaps: 0 })
  },

  async 'the record of what runs is the same for everybody, and is not theirs to change'(bench) {
    const executionId = await bench.start('wait')
    const info = await bench.executor.getInfo(executionId)
    assert.deepEqual([info.status, info.exitCode, info.reason], ['running', -1, undefined])
    assert.deepEqual(await bench.executor.getInfo(executionId), info)
    assert.ok(info.times.runningMs !== undefined && info.times.endedMs === undefined)
  },
}

function assertInOrder(times: ExecutionTimes): void {
  const { acceptedMs, queuedMs, pullingMs, creatingMs, runningMs, finalizingMs, endedMs } = times
  const way = [acceptedMs, queuedMs, pullingMs, creatingMs, runningMs, finalizingMs, endedMs]
  const known = way.filter((time) => time !== undefined)
  assert.equal(known.length, way.length, `a time is missing: ${JSON.stringify(times)}`)
  assert.deepEqual(
    known.toSorted((a, b) => a - b),
    known,
  )
}
