import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canMove, type ExecutionStatus, isTerminal, nunetStatus } from './execution.ts'

const LIFE: readonly ExecutionStatus[] = ['accepted', 'queued', 'pulling', 'creating', 'running', 'finalizing']
const ENDS: readonly ExecutionStatus[] = ['succeeded', 'failed', 'cancelled', 'timed_out', 'lost']

test('an execution goes forward only, and freezes only while it runs', () => {
  for (const [index, status] of LIFE.entries()) {
    const next = LIFE[index + 1]
    if (next !== undefined) assert.ok(canMove(status, next), `${status} to ${next}`)
    for (const earlier of LIFE.slice(0, index)) assert.ok(!canMove(status, earlier), `${status} to ${earlier}`)
  }
  assert.ok(canMove('running', 'paused') && canMove('paused', 'running') && canMove('paused', 'finalizing'))
  assert.ok(!canMove('creating', 'paused') && !canMove('finalizing', 'paused'))
})

test('an execution goes back into the queue only when it may be run more than once, and has had its turn', () => {
  for (const status of ['creating', 'running', 'paused', 'finalizing'] as const) {
    assert.ok(canMove(status, 'queued', true) && !canMove(status, 'queued'), status)
  }
  for (const status of ENDS) assert.ok(!canMove(status, 'queued', true), status)
})

test('a last word is never rewritten', () => {
  for (const end of ENDS) {
    assert.ok(isTerminal(end))
    for (const status of [...LIFE, ...ENDS, 'paused'] as const) assert.ok(!canMove(end, status), `${end} to ${status}`)
  }
  for (const status of LIFE) assert.ok(!isTerminal(status))
})

test('success is only what comes out of finalizing', () => {
  for (const status of [...LIFE, 'paused'] as const) {
    assert.equal(canMove(status, 'succeeded'), status === 'finalizing', status)
  }
})

test('the five statuses of NuNet are a view of ours', () => {
  const seen = [...LIFE, 'paused' as const, ...ENDS].map(nunetStatus)
  assert.deepEqual(new Set(seen), new Set(['pending', 'running', 'paused', 'success', 'failed']))
  assert.equal(nunetStatus('cancelled'), 'failed')
})
