import assert from 'node:assert/strict'
import { refused } from './conformance-asserts.ts'
import type { ExecutorTest } from './conformance-bench.ts'
import { commandOf } from './conformance-programs.ts'

const WAITERS = 200
/** Short tasks that run at a time: enough for them to overlap. */
const WIDTH = 4

/** Beginning an execution, and `run`. */
export const START_TESTS: Record<string, ExecutorTest> = {
  async 'a task that exits with 0 is a success, with its output and no reason'(bench) {
    const result = await bench.run('print', ['out', 'err', '0'])
    assert.deepEqual([result.status, result.exitCode, result.reason], ['succeeded', 0, undefined])
    assert.deepEqual([result.stdout, result.stderr, result.message], ['out', 'err', ''])
  },

  async 'start resolves when it runs, and wait gives the result'(bench) {
    const executionId = await bench.start('tick', ['2'])
    assert.equal(await bench.executor.getStatus(executionId), 'running')
    const { status, stdout } = await bench.wait(executionId)
    assert.deepEqual([status, stdout], ['succeeded', 'tick 1\ntick 2\n'])
  },

  async 'start resolves, too, for a task over in a millisecond'(bench) {
    const executionId = await bench.start('print', ['', '', '0'])
    assert.equal((await bench.wait(executionId)).status, 'succeeded')
  },

  async 'every one of many tasks over in a millisecond is known to have ended well, with all it printed'(bench) {
    const runners = Array.from({ length: WIDTH }, async (_, runner) => {
      for (let round = runner; round < bench.rounds; round += WIDTH) {
        const { status, stdout, stderr } = await bench.run('print', [`out ${round}`, `err ${round}`, '0'])
        assert.deepEqual([status, stdout, stderr], ['succeeded', `out ${round}`, `err ${round}`])
      }
    })
    await Promise.all(runners)
  },

  async 'a task has the environment and the working directory that were asked for'(bench) {
    const { cmd } = bench.task('tell').engineSpec.params
    const params = { cmd, environment: ['ANSWER=4 "2" $HOME'], working_directory: '/tmp' }
    const { stdout } = await bench.executor.run(bench.image(bench.images.shell, params), { signal: bench.signal })
    assert.equal(stdout, '/tmp\n4 "2" $HOME\n')
  },

  async 'an entrypoint takes the place of that of the image, and gets the command as its arguments'(bench) {
    const command = commandOf('print', ['two words', '', '0'])
    const params = { entrypoint: command.slice(0, 2), cmd: command.slice(2) }
    const { stdout } = await bench.executor.run(bench.image(bench.images.shell, params), { signal: bench.signal })
    assert.equal(stdout, 'two words')
  },

  async 'a caller that gives up a run leaves the execution running'(bench) {
    const request = bench.task('wait')
    const leaving = new AbortController()
    const run = bench.executor.run(request, { signal: leaving.signal })
    run.catch(() => {})
    await bench.known(request.executionId)
    await bench.executor.waitForStatus(request.executionId, 'running', 60_000, bench.signal)
    const reason = new Error('given up')
    leaving.abort(reason)
    await assert.rejects(run, reason)
    assert.equal(await bench.executor.getStatus(request.executionId), 'running')
  },

  async 'a caller that gives up a run ends the execution where it said so'(bench) {
    const request = bench.task('wait')
    const leaving = new AbortController()
    const run = bench.executor.run(request, { signal: leaving.signal, cancelOnAbort: true })
    run.catch(() => {})
    await bench.known(request.executionId)
    await bench.executor.waitForStatus(request.executionId, 'running', 60_000, bench.signal)
    leaving.abort(new Error('given up'))
    await assert.rejects(run, { message: 'given up' })
    assert.equal((await bench.wait(request.executionId)).status, 'cancelled')
  },
}

/** `wait`, by anybody, at any time. */
export const WAIT_TESTS: Record<string, ExecutorTest> = {
  async 'many waiters, before and after the end, get the same result'(bench) {
    const executionId = await bench.start('tick', ['1'])
    const early = Array.from({ length: WAITERS }, () => bench.wait(executionId))
    const [first, ...others] = await Promise.all(early)
    for (const other of others) assert.deepEqual(other, first)
    const late = await Promise.all(Array.from({ length: WAITERS }, () => bench.wait(executionId)))
    for (const other of late) assert.deepEqual(other, first)
  },

  async 'a waiter that gives up stops nothing'(bench) {
    const executionId = await bench.start('tick', ['2'])
    const leaving = new AbortController()
    const reason = new Error('given up')
    const waiting = bench.executor.wait(executionId, leaving.signal)
    leaving.abort(reason)
    await assert.rejects(waiting, reason)
    assert.deepEqual((await bench.wait(executionId)).stdout, 'tick 1\ntick 2\n')
  },

  async 'waiting for an id that there is not is refused'(bench) {
    await refused(bench.wait('no-such-execution'), 'not_found')
  },
}
