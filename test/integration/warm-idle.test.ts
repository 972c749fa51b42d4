import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { eventually, onlyContainer } from '../support/containers.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'
import { containerEvents } from '../support/engine-events.ts'
import { EngineProxy } from '../support/engine-proxy.ts'
import { scale } from '../support/scale.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

const options = { timeout: 300_000 }
const MINUTE_MS = 60_000

describe('an idle instance', options, () => {
  test('goes when it has been idle for `timeout`, counted from its last byte, to within a second', async () => {
    const keepAliveMs = 0.03 * MINUTE_MS
    await using node = await startDaemon(['timeout=0.03'])
    const sinceMs = Date.now()
    const input = say({ order: 'sleep', ms: 700 })
    const answer = await node.execute({ id: await ensureTask('talk'), resource: { cpu: 0.5, mem: 64 }, input })
    const dueMs = Date.now() + keepAliveMs
    assert.equal(answer.msg, 'slept')
    const container = await onlyContainer(node)
    await eventually(async () => (await node.containers()).length === 0)
    const events = await containerEvents(node.installation, sinceMs)
    const toldMs = events.find(({ action, ...event }) => action === 'kill' && event.container === container)?.atMs ?? 0
    // We see the last byte a little later than the node does.
    assert.ok(toldMs > dueMs - 100 && toldMs < dueMs + 1000, `told to end ${toldMs - dueMs} ms after it was due`)
    assert.ok(events.some(({ action }) => action === 'destroy'))
  })

  test('stays as long as requests come in time', async () => {
    await using node = await startDaemon(['timeout=0.05'])
    const request = { id: await ensureImage('hello-node'), resource: { cpu: 0.5, mem: 64 }, input: 'you' }
    await node.execute(request)
    const container = await onlyContainer(node)
    for (let round = 0; round < 4; round += 1) {
      await sleep(1000)
      await node.execute(request)
    }
    assert.equal(await onlyContainer(node), container)
  })
})

test('many requests that race with the removal of their idle instance are all answered', options, async () => {
  const [racers, rounds] = [4, scale(40, 150)]
  await using proxy = await EngineProxy.open()
  await using node = await startDaemon(['timeout=0.001', proxy.setting])
  const id = await ensureImage('echo-socket')
  const failures = await Promise.all(Array.from({ length: racers }, (_, racer) => race(node, id, racer, rounds)))
  assert.deepEqual(failures.flat(), [])
  // Otherwise nothing was tried: most rounds must meet the instance, and many must meet it gone or going.
  const { creates } = proxy
  assert.ok(creates > 12 && creates < racers * rounds - 12, `${creates} starts in ${racers * rounds} rounds`)
})

/** Sends each request as near as it can to the moment at which the instance expires; returns the answers that were none. */
async function race(node: TestDaemon, id: string, racer: number, rounds: number): Promise<unknown[]> {
  const failures: unknown[] = []
  let delayMs = 0.001 * MINUTE_MS
  for (let round = 0; round < rounds; round += 1) {
    const input = `${racer} in ${round}`
    const startedMs = performance.now()
    const answer = await node.execute({ id, resource: { cpu: 0.4, mem: 64 + racer }, input })
    if (answer.msg !== input || !answer.success) failures.push(answer)
    // A start takes far longer than any warm answer. Creeps up on the moment, and steps back from it.
    const wasCold = performance.now() - startedMs > 150
    delayMs += wasCold ? -3 : 0.3
    await sleepUntil(performance.now() + delayMs)
  }
  return failures
}

/** To a fraction of a millisecond, which timers are not. */
async function sleepUntil(dueMs: number): Promise<void> {
  await sleep(Math.max(0, dueMs - performance.now() - 3))
  while (performance.now() < dueMs) await nextTurn()
}
