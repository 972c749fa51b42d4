import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../../core/manual-clock.ts'
import type { DEFAULT_RESOURCES } from '../../core/resources.ts'
import type { SandboxSpec } from '../../engine/engine.ts'
import { ExecutionsBench } from './executions-bench.fixture.ts'

const NEVER = new AbortController().signal
const IMAGES = { job: { output: ['once\n'], exit: { code: 0 } }, forever: { output: ['up\n'] } }

/** As it is left by a process that was killed when it had recorded the start, and maybe asked for it. */
async function leftAtStart(bench: ExecutionsBench): Promise<string> {
  const request = bench.request('job')
  const { executionId } = request
  const { executions, letGo } = await bench.open()
  const stalled = bench.engine.stall('attach')
  await executions.submit(request)
  await stalled.reached
  await letGo()
  stalled[Symbol.dispose]()
  await bench.rewrite(executionId, { step: { name: bench.container(executionId), step: 'start' } })
  return executionId
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    await clock.advance(500)
    await sleep(5) // for what is on the disk
  }
}

describe('F5: an execution whose start was asked for by a process that was killed', () => {
  test('runs once when that takes effect late', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(IMAGES, clock)
    const executionId = await leftAtStart(bench)
    const { executions } = await bench.open()
    await pass(clock, 2000)
    const [sandbox] = bench.engine.sandboxes
    assert.ok(sandbox)
    await bench.engine.start(sandbox, NEVER)
    const ended = executions.wait(executionId)
    await pass(clock, 15_000)
    const { status, stdout, attempt } = await ended
    assert.deepEqual([status, stdout, attempt], ['succeeded', 'once\n', 1])
    assert.deepEqual([bench.engine.calls.create, bench.engine.calls.start], [1, 1])
  })

  test('is begun anew when it does not', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(IMAGES, clock)
    const executionId = await leftAtStart(bench)
    const { executions, ledger } = await bench.open()
    await pass(clock, 5000)
    assert.equal(bench.engine.calls.start, 0)
    const ended = executions.wait(executionId)
    await pass(clock, 15_000)
    const { status, stdout } = await ended
    assert.deepEqual([status, stdout, bench.engine.calls.start], ['succeeded', 'once\n', 1])
    await pass(clock, 1000)
    assert.equal(ledger.reserved.cpuMillis, 0)
  })

  test('is cancelled at once', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(IMAGES, clock)
    const executionId = await leftAtStart(bench)
    const { executions } = await bench.open()
    await executions.cancel(executionId)
    assert.equal((await executions.wait(executionId)).status, 'cancelled')
    assert.equal(bench.engine.calls.start, 0)
  })
})

test('I6: a restart before the second attempt has started keeps what the first one printed', async () => {
  await using bench = await ExecutionsBench.make(IMAGES)
  const first = await bench.open()
  const request = bench.request('forever', { idempotent: true })
  const { executionId } = request
  await first.executions.start(request)
  const stalled = bench.engine.stall('find')
  bench.engine.goAway({ endsSandboxes: true })[Symbol.dispose]()
  while ((await first.executions.getInfo(executionId)).attempt !== 2) await turn()
  await first.letGo()
  stalled[Symbol.dispose]()
  const { executions } = await bench.open()
  await executions.waitForStatus(executionId, 'running', 30_000)
  bench.engine.crash(bench.container(executionId, 2), 0)
  const { status, stdout } = await executions.wait(executionId)
  assert.equal(status, 'succeeded')
  assert.match(stdout, /^up\n.*up\n$/s)
})

test('what is taken over holds what its labels say, the overhead of its own runtime included', async () => {
  await using bench = await ExecutionsBench.make(IMAGES)
  const overhead = 32 * 2 ** 20
  const footprint = (spec: SandboxSpec): typeof DEFAULT_RESOURCES => ({
    ...spec.resources,
    memoryBytes: spec.resources.memoryBytes + overhead,
  })
  bench.engine.footprint = footprint
  const first = await bench.open()
  const request = bench.request('forever')
  await first.executions.start(request)
  const held = first.ledger.reserved
  await first.letGo()
  bench.engine.footprint = ({ resources }) => resources
  const { executions, ledger } = await bench.open()
  assert.equal(await executions.getStatus(request.executionId), 'running')
  assert.deepEqual(ledger.reserved, held)
})
