import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExecutionStatus } from '../../core/execution.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import { ExecutionTraces } from './execution-traces.ts'
import type { FinishedSpan } from './span.ts'

/** As far as traces look at it. */
function recordIn(
  status: ExecutionStatus,
  times: Partial<ExecutionRecord['times']> = {},
  attempt = 1,
): ExecutionRecord {
  const known = { executionId: 'x', executorId: 'node', jobId: 'j', engine: 'fake', exitCode: 0, request: {} }
  return { ...known, status, attempt, times: { acceptedMs: 0, ...times } } as ExecutionRecord
}

function follow(sampleRatio = 1): { spans: FinishedSpan[]; clock: ManualClock; open: () => ExecutionTraces } {
  const spans: FinishedSpan[] = []
  const clock = new ManualClock()
  const open = () => new ExecutionTraces({ sink: { add: (span) => void spans.push(span) }, clock, sampleRatio })
  return { spans, clock, open }
}

test('the process that takes an execution up goes on with its trace', async () => {
  const { spans, clock, open } = follow()
  const startMs = clock.wallMs()
  const first = open()
  const times = { acceptedMs: startMs, queuedMs: startMs, runningMs: startMs + 10 }
  first.began(recordIn('queued', times))
  await clock.advance(10)
  first.moved(recordIn('running', times), recordIn('queued', times))
  await clock.advance(10)
  const second = open()
  second.began(recordIn('running', times))
  await clock.advance(10)
  second.moved(recordIn('finalizing', times), recordIn('running', times))
  second.moved(recordIn('succeeded', times), recordIn('finalizing', times))
  const whole = spans.at(-1)
  assert.ok(whole !== undefined)
  assert.deepEqual(
    spans.map(({ name, startMs: from, endMs }) => [name, from - startMs, endMs - startMs]),
    [
      ['queued', 0, 10],
      ['running', 10, 30],
      ['finalizing', 30, 30],
      ['execution', 0, 30],
    ],
  )
  for (const { context, parent } of spans.slice(0, -1)) {
    assert.equal(context.traceId, whole.context.traceId)
    assert.equal(parent?.spanId, whole.context.spanId)
  }
  assert.equal(new Set(spans.map(({ context }) => context.spanId)).size, spans.length)
})

test('further attempts and pauses are spans of their own', async () => {
  const { spans, clock, open } = follow()
  const traces = open()
  const acceptedMs = clock.wallMs()
  const to = async (status: ExecutionStatus, from: ExecutionStatus, [now, then] = [1, 1]): Promise<void> => {
    await clock.advance(5)
    traces.moved(recordIn(status, { acceptedMs }, now), recordIn(from, { acceptedMs }, then))
  }
  traces.began(recordIn('running', { acceptedMs }))
  await to('paused', 'running')
  await to('running', 'paused')
  await to('queued', 'running', [2, 1])
  await to('failed', 'queued', [2, 2])
  const parts = spans.map(({ name, attributes }) => [name, attributes['errand.execution.attempt']])
  assert.deepEqual(parts, [
    ['running', 1],
    ['paused', 1],
    ['running', 1],
    ['queued', 2],
    ['execution', 2],
  ])
  for (const { startMs, endMs } of spans.slice(0, -1)) assert.equal(endMs - startMs, 5)
})

test('of two executions of one name each has its own trace', async () => {
  const { spans, clock, open } = follow()
  for (const acceptedMs of [1, 2]) {
    const traces = open()
    traces.began(recordIn('accepted', { acceptedMs }))
    await clock.advance(5)
    traces.moved(recordIn('cancelled', { acceptedMs }), recordIn('accepted', { acceptedMs }))
  }
  assert.equal(new Set(spans.map(({ context }) => context.traceId)).size, 2)
})

test('with a ratio of 0 nothing is followed but what its caller keeps', () => {
  const { spans, open } = follow(0)
  const traces = open()
  traces.began(recordIn('accepted'))
  traces.moved(recordIn('cancelled'), recordIn('accepted'))
  assert.deepEqual(spans, [])
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  traces.began({ ...recordIn('accepted'), traceparent })
  traces.moved({ ...recordIn('cancelled'), traceparent }, { ...recordIn('accepted'), traceparent })
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['accepted', 'execution'],
  )
})
