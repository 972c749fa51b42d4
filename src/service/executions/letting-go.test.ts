import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../../core/manual-clock.ts'
import { ExecutionsBench } from './executions-bench.fixture.ts'

const IMAGES = { done: { exit: { code: 0 } }, forever: {} }
/** Of the 30 s of a stop, requests under way have 25. */
const MOST_MS = 5000

async function within(clock: ManualClock, promise: Promise<unknown>, ms: number): Promise<void> {
  let isDone = false
  void promise.then(() => {
    isDone = true
  })
  for (let passed = 0; passed < ms && !isDone; passed += 100) {
    await clock.advance(100)
    await sleep(2) // for what is on the disk
  }
  assert.ok(isDone, `not within ${ms} ms`)
  await promise
}

describe('F8: an executor that lets go', () => {
  for (const step of ['create', 'attach', 'start'] as const) {
    test(`while the engine does not answer to ${step} waits for it no longer than a few seconds`, async () => {
      const clock = new ManualClock()
      await using bench = await ExecutionsBench.make(IMAGES, clock)
      const first = await bench.open()
      const stalled = bench.engine.stall(step)
      const request = bench.request('done')
      await first.executions.submit(request)
      await stalled.reached
      await within(clock, first.letGo(), MOST_MS)
      stalled[Symbol.dispose]()
      const { executions } = await bench.open()
      const ended = executions.wait(request.executionId)
      await within(clock, ended, 20_000)
      const { status, attempt } = await ended
      assert.deepEqual([status, attempt, bench.engine.sandboxes], ['succeeded', 1, []])
    })
  }

  test('while the engine is away in the midst of a start waits for nothing', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(IMAGES, clock)
    const first = await bench.open()
    const stalled = bench.engine.stall('create')
    const request = bench.request('done')
    await first.executions.submit(request)
    await stalled.reached
    const away = bench.engine.goAway()
    stalled[Symbol.dispose]()
    for (let turns = 0; turns < 20; turns += 1) await turn()
    await within(clock, first.letGo(), 200)
    away[Symbol.dispose]()
    const { executions } = await bench.open()
    const ended = executions.wait(request.executionId)
    await within(clock, ended, 20_000)
    assert.equal((await ended).status, 'succeeded')
  })

  test('starts none of those that wait for their turn', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(IMAGES, clock)
    const { executions, letGo } = await bench.open()
    const stalled = bench.engine.stall('create')
    const [first, second] = [bench.request('forever'), bench.request('forever')]
    for (const request of [first, second]) await executions.submit(request)
    await stalled.reached
    await executions.waitForStatus(second.executionId, 'creating', 30_000)
    const lettingGo = letGo()
    for (let turns = 0; turns < 20; turns += 1) await turn()
    stalled[Symbol.dispose]()
    await within(clock, lettingGo, MOST_MS)
    assert.equal(bench.engine.calls.create, 1)
  })

  test('while what has ended cannot be removed leaves that to the next one', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(IMAGES, clock)
    const first = await bench.open()
    const stalled = bench.engine.stall('remove')
    const request = bench.request('done')
    await first.executions.start(request)
    assert.equal((await first.executions.wait(request.executionId)).status, 'succeeded')
    await stalled.reached
    await within(clock, first.letGo(), MOST_MS)
    stalled[Symbol.dispose]()
    assert.equal(bench.engine.sandboxes.length, 1)
    const { executions } = await bench.open()
    assert.deepEqual(bench.engine.sandboxes, [])
    assert.equal((await executions.wait(request.executionId)).status, 'succeeded')
  })

  test('while one that may be run again has just ended with the engine leaves the next attempt', async () => {
    const clock = new ManualClock()
    await using bench = await ExecutionsBench.make(IMAGES, clock)
    const first = await bench.open()
    const request = bench.request('forever', { idempotent: true })
    await first.executions.start(request)
    let asked: Promise<void> | undefined
    bench.engine.explainExit = () => {
      asked ??= first.executions.detach()
      return undefined
    }
    bench.engine.goAway({ endsSandboxes: true })[Symbol.dispose]()
    while (asked === undefined) {
      await clock.advance(100)
      await turn()
    }
    await within(clock, asked, MOST_MS)
    const { status, attempt } = (await bench.journal.find('test', request.executionId)) ?? {}
    assert.deepEqual([status, attempt, bench.engine.sandboxes], ['queued', 2, []])
  })
})
