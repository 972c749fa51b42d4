import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { MIB } from '../../src/core/resources.ts'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MINUTE_MS = 60_000

/** The host's clock, as somebody sets it. */
class SetClock implements Clock {
  readonly monotonicMs = (): number => systemClock.monotonicMs()
  readonly setTimer: Clock['setTimer'] = (delayMs, callback) => systemClock.setTimer(delayMs, callback)
  #aheadMs = 0

  wallMs(): number {
    return systemClock.wallMs() + this.#aheadMs
  }

  jump(ms: number): void {
    this.#aheadMs += ms
  }
}

test('F15: a clock that jumps ends no wait, no time-out, no lease and no idle instance early', async () => {
  const released = Promise.withResolvers<number>()
  const fake = new FakeEngine({
    images: {
      'warm:1': { mark: 'meca-init-done', serve: (_request, response) => response.end('warm') },
      'run:1': { run: () => released.promise },
    },
  })
  const clock = new SetClock()
  await using node = await startFaultDaemon({ fake, deps: { clock }, settings: ['mem=1024', 'cpu=2'] })
  const { executions } = node.daemon
  const submit = (executionId: string, memoryBytes: number): Promise<unknown> =>
    executions.submit({
      executionId,
      engineSpec: { type: 'fake', params: { image: 'run:1' } },
      resources: { cpu: 0.1, memoryBytes },
      timeoutMs: MINUTE_MS,
      queueTimeoutMs: MINUTE_MS,
    })
  const isWarm = async (): Promise<void> => {
    const answer = await node.execute({ id: 'warm:1', resource: { cpu: 0.2, mem: 64 }, input: '' })
    assert.deepEqual(answer, { success: true, msg: 'warm' })
  }
  await isWarm()
  await submit('runs', 64 * MIB)
  await executions.waitForStatus('runs', 'running', MINUTE_MS)
  await submit('waits', 1024 * MIB)
  await executions.waitForStatus('waits', 'queued', MINUTE_MS)
  const sandboxes = fake.sandboxes.map(({ id }) => id)
  const { leased } = node.daemon.node.stats()

  for (const jumpMs of [HOUR_MS, -2 * HOUR_MS, HOUR_MS + DAY_MS, -2 * DAY_MS, DAY_MS]) {
    clock.jump(jumpMs)
    await isWarm()
    assert.deepEqual([await executions.getStatus('runs'), await executions.getStatus('waits')], ['running', 'queued'])
    assert.deepEqual(
      fake.sandboxes.map(({ id }) => id),
      sandboxes,
    )
    assert.deepEqual(node.daemon.node.stats().leased, leased)
  }

  clock.jump(-HOUR_MS)
  released.resolve(0)
  for (const id of ['runs', 'waits']) assert.equal((await executions.wait(id)).status, 'succeeded')
})
