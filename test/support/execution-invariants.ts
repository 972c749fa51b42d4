import assert from 'node:assert/strict'
import { isTerminal } from '../../src/core/execution.ts'
import type { ExecutionView } from '../../src/http/contract/execution-view.ts'
import type { MortalNode } from './mortal-node.ts'

/** What an execution was meant to come to. */
export interface Meant {
  /** 0 means success. */
  readonly exitCode: number
  readonly log: string
}

/**
 * The invariants as they apply to executions that were answered and have ended: each is known and came to what it was
 * meant to (I1, I5), once and for all (I2), with every line of its log once (I6), and was started once.
 */
export async function assertExecutions(node: MortalNode, meant: ReadonlyMap<string, Meant>): Promise<void> {
  const { client } = node
  const listed = new Map((await client.list()).map((view) => [view.id, view]))
  for (const [id, { exitCode, log }] of meant) {
    const view = listed.get(id)
    assert.ok(view, `I1: ${id} is not known`)
    const status = exitCode === 0 ? 'succeeded' : 'failed'
    assert.deepEqual([id, view.status, view.exitCode, view.message], [id, status, exitCode, view.message])
    assert.equal(await client.log(id), log, `I6: the log of ${id}`)
    assert.deepEqual([view.logs.gaps, view.logs.truncated], [0, false], `I6: the log of ${id}`)
    assert.equal(await node.starts.of(id), 1, `${id} was started more than once`)
  }
  await assertOneEnd(node, [...listed.values()])
}

/** I2: by the events as they were kept. */
async function assertOneEnd({ client }: MortalNode, views: readonly ExecutionView[]): Promise<void> {
  if (views.length === 0) return
  // Not until the last end by its time: the events of two ends in one millisecond come in either order.
  const events = await client.eventsUntilEndsOf(views.map(({ id }) => id))
  for (const { id, status } of views) {
    const statuses = events.filter(({ execution }) => execution === id).map((event) => event.status)
    assert.deepEqual(statuses.filter(isTerminal), [status], `I2: ${id} went ${statuses.join(', ')}`)
    assert.equal(statuses.at(-1), status, `I2: ${id} went on after its end`)
  }
}
