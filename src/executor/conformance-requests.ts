import assert from 'node:assert/strict'
import { ErrandError } from '../core/errors.ts'
import type { ExecutionRequest } from '../core/execution-request.ts'
import { refused } from './conformance-asserts.ts'
import type { ExecutorTest } from './conformance-bench.ts'

/** What must never become part of a path, a name or a label. */
const HOSTILE = [
  '',
  '.',
  '..',
  '../x',
  '/etc/passwd',
  'a/b',
  'a\\b',
  'a\0b',
  '%2e%2e',
  'a b',
  '-a',
  'ä',
  'a\nb',
  'a'.repeat(1000),
]

const RACERS = 20

/** Who may have an id, and what becomes of calls for one that nobody has. */
export const ID_TESTS: Record<string, ExecutorTest> = {
  async 'an id that is in use is refused, while it runs and after its end'(bench) {
    const request = bench.task('wait')
    await bench.executor.start(request, bench.signal)
    await refused(bench.executor.start(request, bench.signal), 'already_exists')
    await bench.executor.cancel(request.executionId, { graceMs: 0, signal: bench.signal })
    await refused(bench.executor.start(request, bench.signal), 'already_exists')
    await refused(bench.executor.run(request, { signal: bench.signal }), 'already_exists')
    assert.equal((await bench.wait(request.executionId)).status, 'cancelled')
  },

  async 'of starts of one id that race, exactly one wins'(bench) {
    const request = bench.task('wait')
    const starts = Array.from({ length: RACERS }, () => bench.executor.start(request, bench.signal))
    const outcomes = await Promise.allSettled(starts)
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => codeOf(reason))
    assert.deepEqual(
      lost,
      Array.from({ length: RACERS - 1 }, () => 'already_exists'),
    )
    assert.equal((await bench.executor.list()).length, 1)
  },

  async 'an id that was removed can be used again'(bench) {
    const request = bench.task('print', ['', '', '0'])
    await bench.executor.run(request, { signal: bench.signal })
    await bench.executor.remove(request.executionId)
    assert.equal((await bench.executor.run(request, { signal: bench.signal })).status, 'succeeded')
  },

  async 'without an id an execution gets one'(bench) {
    const { executionId: _none, ...request } = bench.task('print', ['', '', '0'])
    const { executionId } = await bench.executor.run(request, { signal: bench.signal })
    assert.match(executionId, /^[a-z0-9][a-z0-9-]{0,62}$/)
  },

  async 'an id that nobody has is not found, whatever is asked'(bench) {
    const { executor, signal } = bench
    for (const id of ['no-such-execution', ...HOSTILE]) {
      const calls: readonly (() => Promise<unknown>)[] = [
        () => executor.wait(id, signal),
        () => executor.cancel(id),
        () => bench.log(id),
        () => executor.getStatus(id),
        () => executor.waitForStatus(id, 'running', 1000, signal),
        () => executor.pause(id, signal),
        () => executor.resume(id, signal),
        () => executor.exec(id, ['true'], signal),
        () => executor.stats(id, signal),
        () => executor.getInfo(id),
        () => executor.getNetInfo(id, signal),
        () => executor.remove(id),
      ]
      for (const call of calls) await refused(call(), 'not_found')
    }
  },
}

/** Requests that nobody in good faith would make, and those that leave much out. */
export const REQUEST_TESTS: Record<string, ExecutorTest> = {
  async 'hostile ids of executions and jobs are refused'(bench) {
    for (const text of HOSTILE) {
      await assertInvalid(bench.executor.start(bench.task('wait', [], { executionId: text }), bench.signal))
      await assertInvalid(bench.executor.start(bench.task('wait', [], { jobId: text }), bench.signal))
    }
    assert.deepEqual(await bench.executor.list(), [])
  },

  async 'hostile names of scripts and outputs are refused'(bench) {
    for (const name of HOSTILE.filter((text) => text !== 'a'.repeat(1000))) {
      await assertInvalid(
        bench.executor.start(bench.task('wait', [], { provisionScripts: [{ name, content: 'exit 0' }] }), bench.signal),
      )
      await assertInvalid(
        bench.executor.start(bench.task('wait', [], { outputs: [{ path: '/out', name }] }), bench.signal),
      )
    }
    assert.deepEqual(await bench.executor.list(), [])
  },

  async 'fields that are null count as absent'(bench) {
    const request: unknown = {
      ...bench.task('print', ['out', '', '0']),
      ...Object.fromEntries(
        ['jobId', 'outputs', 'inputs', 'limits', 'portsToBind', 'network'].map((key) => [key, null]),
      ),
      resources: { cpu: null, memoryBytes: null, pids: 0 },
      labels: {},
      provisionScripts: [],
    }
    const { status, stdout } = await bench.executor.run(request as ExecutionRequest, { signal: bench.signal })
    assert.deepEqual([status, stdout], ['succeeded', 'out'])
  },

  async 'what is no request at all is refused as such'(bench) {
    const { name } = bench
    const shapes: readonly unknown[] = [
      undefined,
      null,
      1,
      'x',
      [],
      {},
      { engineSpec: null },
      { engineSpec: { type: name } },
      { engineSpec: { type: name, params: {} } },
      { engineSpec: { type: name, params: { image: '' } } },
      { engineSpec: { type: name, params: { image: 7 } } },
      { ...bench.task('wait'), privileged: true },
      { ...bench.task('wait'), resources: { memoryBytes: -1 } },
      { ...bench.task('wait'), resources: { cpu: Number.NaN } },
    ]
    for (const shape of shapes) await assertInvalid(bench.executor.start(shape as ExecutionRequest, bench.signal))
    assert.deepEqual(await bench.executor.list(), [])
  },

  async 'a type of engine that is not registered is refused, and leaves no record'(bench) {
    const request = { ...bench.task('wait'), engineSpec: { type: 'no-such-engine', params: { image: 'x' } } }
    await refused(bench.executor.start(request, bench.signal), 'runtime_unavailable')
    assert.deepEqual(await bench.executor.list(), [])
  },

  async 'more than the machine has is refused at once'(bench) {
    const request = bench.task('wait', [], { resources: { memoryBytes: 2 ** 40 } })
    await refused(bench.executor.start(request, bench.signal), 'resources_unsatisfiable')
  },

  async 'a closed executor takes no work'(bench) {
    const other = await bench.another()
    await other[Symbol.asyncDispose]()
    await refused(other.start(bench.task('wait'), bench.signal), 'draining')
  },
}

async function assertInvalid(work: Promise<unknown>): Promise<void> {
  await refused(work, 'validation_failed')
}

function codeOf(reason: unknown): string {
  return reason instanceof ErrandError ? reason.code : String(reason)
}
