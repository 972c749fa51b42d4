import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { Execution } from './execution.ts'
import { Postponed } from './postponed.ts'

const never = new AbortController().signal

function record(executionId: string): ExecutionRecord {
  return { executionId } as ExecutionRecord
}

function make() {
  const clock = new ManualClock()
  const tried: string[] = []
  const givenUp: string[] = []
  let failure: ErrandError | undefined = new ErrandError('storage_full', 'no space left')
  let refusal: ErrandError | undefined
  const execution = {} as Execution
  const postponed = new Postponed({
    clock,
    log: silentLog,
    begin: async ({ executionId }) => {
      tried.push(executionId)
      if (failure !== undefined) throw failure
      return execution
    },
    giveUp: async ({ executionId }) => {
      if (refusal !== undefined) throw refusal
      givenUp.push(executionId)
    },
  })
  for (const id of ['a', 'b']) postponed.add(record(id))
  const fail = (error: ErrandError | undefined): void => {
    failure = error
  }
  const refuse = (error: ErrandError | undefined): void => {
    refusal = error
  }
  return { clock, tried, givenUp, postponed, execution, fail, refuse }
}

describe('F18: an execution without room on the disk', () => {
  test('is tried again until there is some, in order, and then lives', async () => {
    const { clock, tried, postponed, execution, fail } = make()
    const begun = postponed.begun('b', never)
    await clock.advance(5000)
    await postponed.idle()
    assert.deepEqual(tried, ['a'])
    fail(undefined)
    await clock.advance(5000)
    assert.equal(await begun, execution)
    assert.deepEqual(tried, ['a', 'a', 'b'])
    await postponed.idle()
    assert.equal(clock.pendingTimers, 0)
  })

  test('is tried at once for whoever wants something of it, who is told when there is none', async () => {
    const { postponed, execution, fail } = make()
    await assert.rejects(postponed.beginNow('a'), { code: 'storage_full', retryAfterMs: 5000 })
    fail(undefined)
    assert.equal(await postponed.beginNow('a'), execution)
    assert.equal(await postponed.beginNow('a'), undefined)
  })

  test('that is removed is not begun, and keeps nobody waiting', async () => {
    const { clock, tried, postponed } = make()
    const begun = postponed.begun('a', never)
    for (const id of ['a', 'b']) await postponed.drop(id, async () => {})
    assert.equal(await begun, undefined)
    await clock.advance(5000)
    assert.deepEqual(tried, [])
  })

  test('is given up only for another reason', async () => {
    const { postponed, givenUp, fail } = make()
    fail(new ErrandError('validation_failed', 'unreadable'))
    assert.equal(await postponed.beginNow('b'), undefined)
    assert.deepEqual(givenUp, ['a', 'b'])
  })

  test('that cannot be given up yet waits on, and counts', async () => {
    const { clock, postponed, givenUp, fail, refuse } = make()
    fail(new ErrandError('validation_failed', 'unreadable'))
    refuse(new ErrandError('storage_error', 'the journal cannot keep it'))
    const none = postponed.untilNone()
    await assert.rejects(postponed.beginNow('a'), { code: 'storage_full' })
    assert.equal(postponed.size, 2)
    refuse(undefined)
    await clock.advance(5000)
    await none
    assert.deepEqual([givenUp, postponed.size], [['a', 'b'], 0])
  })

  test('that cannot be removed waits on, and is not begun while that is tried', async () => {
    const { clock, tried, postponed, execution, fail } = make()
    fail(undefined)
    const removing = Promise.withResolvers<void>()
    const dropped = assert.rejects(
      postponed.drop('a', () => removing.promise),
      { code: 'storage_error' },
    )
    await clock.advance(5000)
    await postponed.idle()
    assert.deepEqual(tried, ['b'])
    removing.reject(new ErrandError('storage_error', 'not now'))
    await dropped
    assert.equal(await postponed.beginNow('a'), execution)
  })

  test('is not tried any more after disposal', async () => {
    const { clock, postponed } = make()
    const tried = postponed.beginNow('a')
    postponed[Symbol.dispose]()
    await tried
    assert.equal(clock.pendingTimers, 0)
  })
})
