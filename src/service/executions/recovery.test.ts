import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { SandboxView } from '../../engine/engine.ts'
import type { ExecutionRecord } from '../executor.ts'
import { newRecord } from './new-record.ts'
import { planExecution } from './plan-execution.ts'
import { isOfHost, takeUp, unfit } from './recovery.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'

const BOOT = 'this-boot'
const FIRST = newRecord(
  { executorId: 'e', clock: new ManualClock() },
  planExecution({ engineSpec: { type: 'fake', params: { image: 'x' } } }, DEFAULTS, () => 'one'),
  '/results',
  'fake',
)

function left(changes: Partial<ExecutionRecord>): ExecutionRecord {
  return { ...FIRST, host: { bootId: BOOT }, ...changes }
}

function view(state: SandboxView['state']): SandboxView {
  return {
    name: 'errand-test-one-1',
    id: '1',
    labels: {},
    state,
    exit: state === 'exited' ? { exitCode: 0, isOomKilled: false } : undefined,
    tcp: undefined,
    unix: undefined,
    pid: undefined,
    net: undefined,
    limits: { cpuMillis: 0, memoryBytes: 0, pids: 0 },
  }
}

function kind(changes: Partial<ExecutionRecord>, found: SandboxView | undefined, boot: string = BOOT): string {
  const beginning = takeUp(left(changes), found, boot)
  return beginning.kind === 'settle' ? `${beginning.outcome.status}/${beginning.outcome.reason}` : beginning.kind
}

const CREATE = { name: 'errand-test-one-1', step: 'create' } as const
const START = { name: 'errand-test-one-1', step: 'start' } as const

describe('an execution that an earlier process left', () => {
  test('F2: before its sandbox was asked for, is begun anew, also on another boot', () => {
    for (const status of ['accepted', 'queued', 'pulling'] as const) {
      assert.equal(kind({ status }, undefined), 'new')
      assert.equal(kind({ status }, undefined, 'next-boot'), 'new')
    }
  })

  test('F4: while its sandbox was created, is begun anew, whether there is one or not', () => {
    assert.equal(kind({ status: 'creating' }, undefined), 'new')
    assert.equal(kind({ status: 'creating', step: CREATE }, undefined), 'new')
    assert.equal(kind({ status: 'creating', step: CREATE }, view('created')), 'new')
    assert.equal(kind({ status: 'creating', step: CREATE }, undefined, 'next-boot'), 'new')
  })

  test('F5: whose start was about to be asked for, is run once: that may yet take effect', () => {
    assert.equal(kind({ status: 'creating', step: START }, view('created')), 'late')
  })

  test('F52: and was told to end before it ran, is not begun', () => {
    const intent = { kind: 'cancel', atMs: 0, graceMs: 0 } as const
    for (const status of ['accepted', 'queued', 'pulling', 'creating'] as const) {
      assert.equal(kind({ status, intent }, undefined), 'cancelled/undefined')
    }
    assert.equal(kind({ status: 'creating', step: START, intent }, view('created')), 'cancelled/undefined')
    assert.equal(kind({ status: 'running', step: START, intent }, undefined), 'cancelled/undefined')
    assert.equal(kind({ status: 'running', step: START, intent }, view('running')), 'adopt')
    assert.equal(kind({ status: 'running', step: START, intent }, view('exited'), 'next-boot'), 'lost/host_reboot')
  })

  test('F5: between start and the news of it, is taken over', () => {
    assert.equal(kind({ status: 'creating', step: START }, view('running')), 'adopt')
    assert.equal(kind({ status: 'creating', step: START }, view('exited')), 'adopt')
  })

  test('F1: while it ran, is taken over, running, paused or exited', () => {
    for (const state of ['running', 'paused', 'exited'] as const) {
      for (const status of ['running', 'paused', 'finalizing'] as const) {
        assert.equal(kind({ status, step: START }, view(state)), 'adopt')
      }
    }
  })

  test('is never started again once it may have been started', () => {
    for (const status of ['running', 'paused', 'finalizing'] as const) {
      assert.equal(kind({ status, step: START }, undefined), 'failed/container_removed')
    }
    assert.equal(kind({ status: 'creating', step: START }, undefined), 'failed/container_removed')
  })

  test('F32: on another boot is lost, whatever exit code is shown', () => {
    assert.equal(kind({ status: 'running', step: START }, view('exited'), 'next-boot'), 'lost/host_reboot')
    assert.equal(kind({ status: 'running', step: START }, undefined, 'next-boot'), 'lost/host_reboot')
    assert.equal(kind({ status: 'creating', step: START }, view('exited'), 'next-boot'), 'lost/host_reboot')
  })
})

describe('an execution that cannot be taken up', () => {
  const BROKEN = new ErrandError('storage_error', 'its log cannot be opened')

  test('has failed for that, or was cancelled, when it never ran', () => {
    for (const status of ['accepted', 'queued', 'pulling', 'creating'] as const) {
      const { status: end, reason, message } = unfit(left({ status, step: CREATE }), BROKEN)
      assert.deepEqual([end, reason, message], ['failed', 'engine_error', 'its log cannot be opened'])
    }
    const intent = { kind: 'cancel', atMs: 0, graceMs: 0 } as const
    assert.equal(unfit(left({ status: 'queued', intent }), BROKEN).status, 'cancelled')
  })

  test('is lost when it may have run, whatever was meant for it', () => {
    const intent = { kind: 'cancel', atMs: 0, graceMs: 0 } as const
    for (const changes of [{}, { intent }]) {
      for (const status of ['creating', 'running', 'paused', 'finalizing'] as const) {
        const { status: end, reason, exitCode } = unfit(left({ status, step: START, ...changes }), BROKEN)
        assert.deepEqual([end, reason, exitCode], ['lost', 'engine_error', -1])
      }
    }
  })

  test('keeps a daemon from starting only where the host is to blame', () => {
    const away = new ErrandError('engine_unavailable', 'no answer', { retryAfterMs: 1000 })
    const full = new ErrandError('storage_full', 'no space left')
    assert.deepEqual([away, full, BROKEN].map(isOfHost), [true, true, false])
  })
})
