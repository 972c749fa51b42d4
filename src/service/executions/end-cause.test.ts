import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SandboxEnd } from '../../instance/exit-observer.ts'
import { causeOf, isStrange, mayLackOutput } from './end-cause.ts'

const MADE_BY = 1000
const SAME = { startedMs: MADE_BY, outlivesRestart: false }
const NEXT = { startedMs: 50_000, outlivesRestart: false }
const NEXT_WITH_LIVE_RESTORE = { startedMs: 50_000, outlivesRestart: true }

function exited(exitCode: number | undefined, more: Partial<SandboxEnd> = {}): SandboxEnd {
  return { exitCode, isOomKilled: false, ...more }
}

describe('F24, F25: what ended an execution', () => {
  test('is the engine when another run of it is found, and nothing outlives it', () => {
    for (const exitCode of [137, 143]) assert.equal(causeOf(exited(exitCode), MADE_BY, NEXT), 'engine')
    assert.equal(causeOf(exited(0, { wasStopped: true }), MADE_BY, NEXT), 'engine')
  })

  test('is the engine that came back and ended it, whatever its exit code', () => {
    for (const exitCode of [0, 3]) {
      assert.equal(causeOf(exited(exitCode, { finishedMs: 51_000 }), MADE_BY, NEXT), 'engine')
    }
  })

  test('is itself when it ended with a code of its own before the engine came back', () => {
    for (const exitCode of [0, 3, 139]) {
      assert.equal(causeOf(exited(exitCode, { finishedMs: 40_000 }), MADE_BY, NEXT), 'itself')
    }
  })

  test('is never the engine where sandboxes outlive it, where it is the same run, or where runs cannot be told', () => {
    for (const run of [NEXT_WITH_LIVE_RESTORE, SAME, { outlivesRestart: false }]) {
      assert.equal(causeOf(exited(137, { finishedMs: 51_000 }), MADE_BY, run), 'itself')
    }
    assert.equal(causeOf(exited(137), undefined, NEXT), 'itself')
  })

  test('is itself when it ran out of memory', () => {
    assert.equal(causeOf(exited(137, { isOomKilled: true, wasStopped: true }), MADE_BY, NEXT), 'itself')
  })

  test('is somebody who had the engine signal it, or the loss of what ran it', () => {
    assert.equal(causeOf(exited(0, { wasStopped: true }), MADE_BY, SAME), 'somebody')
    assert.equal(causeOf(exited(137, { isRuntimeLost: true }), MADE_BY, SAME), 'runtime')
  })

  test('is the loss of what ran it when an engine that was away says that it does not know the exit code', () => {
    const ended = exited(255, { finishedMs: 51_000 })
    assert.equal(causeOf(ended, MADE_BY, NEXT_WITH_LIVE_RESTORE), 'runtime')
    assert.equal(causeOf(ended, MADE_BY, SAME), 'itself')
    assert.equal(causeOf(exited(255, { finishedMs: 60_000 }), MADE_BY, NEXT_WITH_LIVE_RESTORE), 'itself')
  })

  test('is asked of the engine anew where it may be its doing', () => {
    for (const exitCode of [137, 143, 255]) assert.ok(isStrange(exited(exitCode)))
    assert.ok(isStrange(exited(0, { wasStopped: true })))
    for (const exitCode of [0, 1, 139, undefined]) assert.ok(!isStrange(exited(exitCode)))
  })
})

test('F27: output may be missing of what ended while its engine was away, or was only just back', () => {
  assert.ok(mayLackOutput(exited(0, { finishedMs: 40_000 }), MADE_BY, NEXT_WITH_LIVE_RESTORE))
  assert.ok(mayLackOutput(exited(0, { finishedMs: 51_000 }), MADE_BY, NEXT_WITH_LIVE_RESTORE))
  assert.ok(!mayLackOutput(exited(0, { finishedMs: 60_000 }), MADE_BY, NEXT_WITH_LIVE_RESTORE))
  assert.ok(!mayLackOutput(exited(0, { finishedMs: 40_000 }), MADE_BY, SAME))
})
