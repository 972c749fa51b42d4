import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { scale } from '../support/scale.ts'
import { ShellExecutor } from '../support/shell-executor.ts'

const options = { timeout: 300_000 }
const ROUNDS = scale(10, 300)
const MOST_PROCESSES = 64

let shell: ShellExecutor
before(async () => {
  shell = await ShellExecutor.open()
}, options)
after(async () => shell[Symbol.asyncDispose]())

test(
  'F40: a task that is over at once keeps its exit code and output: nothing is removed before they are kept',
  options,
  async () => {
    const ends = Array.from({ length: ROUNDS }, async (_, round) => {
      const { status, exitCode, stdout } = await shell.run(`echo ${round}; exit ${round % 2}`)
      assert.deepEqual([status, exitCode, stdout], [round % 2 === 0 ? 'succeeded' : 'failed', round % 2, `${round}\n`])
    })
    await Promise.all(ends)
  },
)

test('F41: a main process that is killed for want of memory ends as oom, with limit and peak', options, async () => {
  const result = await shell.run(`exec awk 'BEGIN { s = "x"; while (1) s = s s }'`)
  assert.deepEqual([result.status, result.reason, result.exitCode], ['failed', 'oom', 137])
  assert.equal(result.isOomKilled, true)
  assert.match(result.message, /its limit is 64 MiB/)
  const { memoryPeakBytes = 0 } = result.resources.used
  assert.ok(memoryPeakBytes > 32 * MIB && memoryPeakBytes < 72 * MIB, `${memoryPeakBytes} bytes`)
})

test(
  'F43: a task that ignores SIGTERM is killed after its grace, and the result says that it was forced',
  options,
  async () => {
    const request = shell.request("trap '' TERM; echo ready; while :; do sleep 1; done")
    await shell.executor.start(request)
    for await (const _entry of shell.executor.getLogStream({ executionId: request.executionId, follow: true })) break
    await shell.executor.cancel(request.executionId, { graceMs: 500 })
    const { status, exitCode, wasForced, isOomKilled } = await shell.executor.wait(request.executionId)
    assert.deepEqual([status, exitCode, wasForced, isOomKilled], ['cancelled', 137, true, false])
  },
)

test('F43: a task without a handler ends by SIGTERM itself, although it is the first process', options, async () => {
  const { status, exitCode, wasForced } = await shell.run('exec sleep 1000', { timeoutMs: 1000, graceMs: 60_000 })
  assert.deepEqual([status, exitCode, wasForced], ['timed_out', 143, false])
})

test('F45: a fork bomb is stopped by its own limit of processes, and is its own failure only', options, async (t) => {
  const limits = { resources: { pids: MOST_PROCESSES, memoryBytes: 64 * MIB }, timeoutMs: 10_000, graceMs: 0 }
  const request = shell.request(`exec awk 'BEGIN { while (1) system("sleep 1000 &") }'`, limits)
  await shell.executor.start(request)
  let most = 0
  while (most < MOST_PROCESSES - 2) most = Math.max(most, (await shell.executor.stats(request.executionId)).pids)
  t.diagnostic(`${most} processes`)
  assert.ok(most <= MOST_PROCESSES, `${most} processes`)
  const neighbour = await shell.run('echo fine')
  assert.deepEqual([neighbour.status, neighbour.stdout], ['succeeded', 'fine\n'])
  const { status } = await shell.executor.wait(request.executionId)
  assert.equal(status, 'timed_out')
})
