import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { ExecutionView } from '../../src/http/contract/execution-view.ts'
import { assertExecutions } from '../support/execution-invariants.ts'
import { FakeRegistry, holding } from '../support/fake-registry.ts'
import { MortalNode } from '../support/mortal-node.ts'
import { type Random, seededRandom } from '../support/random.ts'
import { TestRegistry } from '../support/registry.ts'
import { scale } from '../support/scale.ts'
import { OUTPUT_BYTES, type SmallExecution, smallExecution } from '../support/small-executions.ts'

/** An image that is missing is built first. */
const options = { timeout: scale(300_000, 1_800_000) }
const ROUNDS = scale(3, 20)
/** In the first round, and in each of the others. */
const EXECUTIONS = 50
const MORE_EXECUTIONS = scale(20, 50)
const IMAGES = 3
/** Until all of them have ended a round takes longer than that on a busy machine. */
const LAST_KILL_MS = 10_000
/** The promise is 2 s with 50 running; what else the machine does is not the daemon's. */
const MOST_READY_MS = 20_000

/** Some that have to be pulled, some that leave a file, in every combination with how they end. */
function makeRound(round: number, local: string, pulled: readonly string[]): SmallExecution[] {
  return Array.from({ length: round === 1 ? EXECUTIONS : MORE_EXECUTIONS }, (_, i) => {
    const image = i % 4 === 0 ? (pulled[(i / 4) % pulled.length] ?? local) : local
    const wish = { seconds: 1 + (i % 3), exitCode: i % 7, hasOutput: i % 5 === 0 }
    return smallExecution(`round-${round}-${i}`, image, wish)
  })
}

function submitAndWait(node: MortalNode, { id, body }: SmallExecution): Promise<ExecutionView> {
  return node.ask(async (client) => {
    await client.submit(body, id)
    return client.wait(id)
  })
}

async function killAt(node: MortalNode, instantsMs: readonly number[]): Promise<number[]> {
  const beganMs = performance.now()
  const readyMs: number[] = []
  for (const instantMs of instantsMs) {
    await sleep(Math.max(0, beganMs + instantMs - performance.now()))
    await node.kill()
    readyMs.push(await node.start())
  }
  return readyMs
}

function assertOutputs(executions: readonly SmallExecution[], views: readonly ExecutionView[]): void {
  for (const [i, { id, body }] of executions.entries()) {
    const bytes = views[i]?.outputs.map((output) => output.bytes)
    assert.deepEqual(bytes, body.outputs === undefined ? [] : [OUTPUT_BYTES], `outputs of ${id}`)
  }
}

describe('a daemon killed at random instants', options, () => {
  test('F1: neither loses nor repeats nor confuses any of 50 executions', async (t) => {
    const random = seededRandom(t)
    const image = await ensureImage('busybox')
    await using store = await TestRegistry.open()
    await using registry = await FakeRegistry.open(holding(store.host, () => sleep(random() * 3000)))
    await using node = await MortalNode.make()
    await node.start()
    const readyMs: number[] = []
    for (let round = 1; round <= ROUNDS; round += 1) {
      const pulled = await pushAll(store, registry, image, round)
      const executions = makeRound(round, image, pulled)
      const ended = Promise.all(executions.map((execution) => submitAndWait(node, execution)))
      const [views, ready] = await Promise.all([ended, killAt(node, instants(random, t))])
      readyMs.push(...ready)
      assertOutputs(executions, views)
      await assertExecutions(node, new Map(executions.map(({ id, meant }) => [id, meant])))
      await node.served.assertInvariants()
    }
    const slowestMs = Math.max(...readyMs)
    t.diagnostic(`after ${readyMs.length} kills the slowest start answered within ${Math.round(slowestMs)} ms`)
    assert.ok(slowestMs < MOST_READY_MS, `a start took ${slowestMs} ms`)
  })
})

function instants(random: Random, t: TestContext): number[] {
  const chosen = [random(), random()].map((part) => Math.round(part * LAST_KILL_MS)).toSorted((a, b) => a - b)
  t.diagnostic(`killed after ${chosen.join(' and ')} ms`)
  return chosen
}

/** How they are to be pulled: from the one registry, that takes its time. */
async function pushAll(store: TestRegistry, registry: FakeRegistry, image: string, round: number): Promise<string[]> {
  const names = Array.from({ length: IMAGES }, (_, i) => `round-${round}-${i}`)
  for (const name of names) await store.push(image, name)
  return names.map((name) => `${registry.host}/${name}`)
}
