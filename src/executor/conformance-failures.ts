import assert from 'node:assert/strict'
import { MIB } from '../core/resources.ts'
import { refused } from './conformance-asserts.ts'
import type { ExecutorTest } from './conformance-bench.ts'

const UNKNOWN_IMAGE = `sha256:${'f'.repeat(64)}`

/** Tasks that fail are results, with everything that is known of them. */
export const FAILURE_TESTS: Record<string, ExecutorTest> = {
  async 'an exit code other than 0 is a result, with all that was printed'(bench) {
    const result = await bench.run('print', ['out', 'err', '7'])
    assert.deepEqual([result.status, result.reason, result.exitCode], ['failed', 'exit_nonzero', 7])
    assert.deepEqual([result.stdout, result.stderr], ['out', 'err'])
  },

  async 'a task that takes more memory than it may is killed for it, and the result names the limit'(bench) {
    const result = await bench.run('eat', [], { resources: { memoryBytes: 32 * MIB } })
    assert.deepEqual([result.status, result.reason, result.isOomKilled], ['failed', 'oom', true])
    assert.match(result.message, /32 MiB/)
    assert.equal(result.stdout, 'hungry\n')
    // A little of what started it may count, too.
    const { memoryPeakBytes } = result.resources.used
    if (memoryPeakBytes !== undefined)
      assert.ok(memoryPeakBytes > 16 * MIB && memoryPeakBytes < 40 * MIB, `${memoryPeakBytes} bytes`)
  },

  async 'a task that runs longer than it may is timed out, and what it printed is kept'(bench) {
    const result = await bench.run('wait', [], { timeoutMs: 2000, graceMs: 60_000 })
    assert.deepEqual([result.status, result.reason, result.exitCode], ['timed_out', 'run_timeout', 143])
    assert.deepEqual([result.stdout, result.wasForced], ['ready\n', false])
  },

  async 'a task that runs longer than it may and ignores SIGTERM is killed after its grace'(bench) {
    const result = await bench.run('stubborn', [], { timeoutMs: 2000, graceMs: 300 })
    assert.deepEqual([result.status, result.exitCode, result.wasForced], ['timed_out', 137, true])
    assert.equal(result.stdout, 'ready\n')
  },

  async 'a task that was killed, but not by us, says by what signal'(bench) {
    const result = await bench.run('kill')
    assert.deepEqual([result.status, result.reason, result.signal], ['failed', 'killed', 'SIGKILL'])
    assert.deepEqual([result.exitCode, result.isOomKilled, result.stdout], [137, false, 'bye\n'])
  },

  async 'an image that is not there keeps it from running; the record says so'(bench) {
    const request = bench.image(UNKNOWN_IMAGE)
    await refused(bench.executor.start(request, bench.signal), 'image_not_found')
    const { status, reason, exitCode, stdout } = await bench.wait(request.executionId)
    assert.deepEqual([status, reason, exitCode, stdout], ['failed', 'image_not_found', -1, ''])
  },

  async 'a command that the image does not have is named as such'(bench) {
    const asked = [
      bench.image(bench.images.lacksCommand),
      bench.image(bench.images.shell, { cmd: ['/no/such/command'] }),
    ]
    for (const request of asked) {
      const { status, reason } = await bench.executor.run(request, { signal: bench.signal })
      assert.deepEqual([status, reason], ['failed', 'command_not_found'])
    }
  },
}
