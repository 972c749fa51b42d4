import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExecutionStatus } from '../../core/execution.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { JournalEvent } from '../../journal/journal.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import { untilEnded, type WaitDeps } from './wait.ts'

const FOREVER = new AbortController().signal

/** One execution whose ending the test plays. */
class Played {
  readonly clock = new ManualClock()
  readonly executions: WaitDeps['executions']
  readonly #listeners = new Set<(event: JournalEvent) => void>()
  readonly #said = Promise.withResolvers<void>()
  status: ExecutionStatus = 'running'

  constructor() {
    this.executions = {
      getInfo: async () => ({ status: this.status }) as ExecutionRecord,
      onEvent: (listener) => {
        this.#listeners.add(listener)
        return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
      },
      waitForStatus: () => this.#said.promise,
    }
  }

  tell(executionId: string, status: ExecutionStatus): void {
    for (const listener of this.#listeners) listener({ seq: 1, atMs: 0, executionId, callerId: 'c', status })
  }

  say(): void {
    this.#said.resolve()
  }

  get listeners(): number {
    return this.#listeners.size
  }
}

test('an end that is told is waited for until the execution says so itself', async () => {
  const played = new Played()
  let isOver = false
  const ended = untilEnded(played, 'a', 1000, FOREVER).finally(() => {
    isOver = true
  })
  await new Promise(setImmediate)
  played.tell('b', 'succeeded')
  played.tell('a', 'finalizing')
  played.tell('a', 'succeeded')
  await new Promise(setImmediate)
  assert.equal(isOver, false)
  played.say()
  assert.equal(await ended, true)
  assert.equal(played.listeners, 0)
})

test('what has ended is not waited for', async () => {
  const played = new Played()
  played.status = 'lost'
  assert.equal(await untilEnded(played, 'a', 1000, FOREVER), true)
})

test('without an end the wait is over at its time', async () => {
  const played = new Played()
  const ended = untilEnded(played, 'a', 1000, FOREVER)
  await new Promise(setImmediate)
  await played.clock.advance(1000)
  assert.equal(await ended, false)
  assert.equal(played.listeners, 0)
})

test('whoever leaves ends the wait', async () => {
  const played = new Played()
  const controller = new AbortController()
  const ended = untilEnded(played, 'a', 1000, controller.signal)
  const reason = new Error('left')
  controller.abort(reason)
  await assert.rejects(ended, reason)
  assert.equal(played.listeners, 0)
})
