import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cancellation } from './cancellation.ts'
import { ErrandError } from './errors.ts'

const reason = new ErrandError('cancelled', 'left')
const later = new ErrandError('deadline_exceeded', 'too late')

test('the first reason wins, and is told once', () => {
  const cancellation = new Cancellation()
  const told: ErrandError[] = []
  cancellation.handOver((error) => told.push(error))
  assert.equal(cancellation.reason, undefined)
  cancellation.cancel(reason)
  cancellation.cancel(later)
  assert.deepEqual(told, [reason])
  assert.equal(cancellation.reason, reason)
})

test('only who has the request in hand is told', () => {
  const cancellation = new Cancellation()
  const told: string[] = []
  cancellation.handOver(() => told.push('first'))
  cancellation.handOver(() => told.push('second'))
  cancellation.cancel(reason)
  assert.deepEqual(told, ['second'])
})

test('who has let go is not told', () => {
  const cancellation = new Cancellation()
  cancellation.handOver(() => assert.fail('told'))
  cancellation.handOver(undefined)
  cancellation.cancel(reason)
})

test('who takes over a cancelled request is told at once', () => {
  const cancellation = new Cancellation()
  cancellation.cancel(reason)
  let told: ErrandError | undefined
  cancellation.handOver((error) => {
    told = error
  })
  assert.equal(told, reason)
})

test('its signal aborts with the reason, whether asked for before or after', () => {
  const before = new Cancellation()
  const { signal } = before
  assert.equal(signal.aborted, false)
  before.cancel(reason)
  assert.equal(signal.reason, reason)
  const after = new Cancellation()
  after.cancel(reason)
  assert.equal(after.signal.reason, reason)
  assert.equal(after.signal, after.signal)
})
