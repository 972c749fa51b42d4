import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { MemoryJournal } from '../../journal/memory/memory-journal.ts'
import type { ExecutionRecord } from '../executor.ts'
import { newRecord } from './new-record.ts'
import { planExecution } from './plan-execution.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'
import { TrackedRecord } from './tracked-record.ts'

const NEVER = new AbortController().signal

async function tracked(): Promise<{
  record: TrackedRecord
  journal: MemoryJournal<ExecutionRecord>
  clock: ManualClock
}> {
  const clock = new ManualClock()
  const journal = new MemoryJournal<ExecutionRecord>()
  const plan = planExecution({ engineSpec: { type: 'fake', params: { image: 'x' } } }, DEFAULTS, () => 'one')
  const first = newRecord({ executorId: 'e', clock }, plan, '/results', 'fake')
  await journal.insert(first)
  return { record: new TrackedRecord(journal, clock, first), journal, clock }
}

async function coded(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error) => error instanceof ErrandError && error.code === code)
}

describe('a tracked record', () => {
  test('moves along its life, and is in the journal before anybody is told', async () => {
    const { record, journal, clock } = await tracked()
    const queued = record.reached('queued', NEVER).then(async () => (await journal.find('e', 'one'))?.status)
    await clock.advance(5)
    await record.move('queued')
    assert.equal(await queued, 'queued')
    const { acceptedMs, queuedMs } = record.value.times
    assert.equal((queuedMs ?? 0) - acceptedMs, 5)
  })

  test('refuses moves that are none, and stays as it is', async () => {
    const { record } = await tracked()
    await coded(record.move('running'), 'internal')
    assert.equal(record.status, 'accepted')
    await record.move('cancelled')
    await coded(record.move('failed'), 'internal')
    assert.equal(record.status, 'cancelled')
  })

  test('stays as it is when the journal cannot take a move', async () => {
    const { record, journal } = await tracked()
    await journal.remove('e', 'one')
    await coded(record.move('queued'), 'not_found')
    assert.equal(record.status, 'accepted')
  })

  test('a status that was passed through counts as reached; one that cannot come any more is refused', async () => {
    const { record } = await tracked()
    const never = coded(record.reached('running', NEVER), 'already_ended')
    await record.move('queued')
    await record.move('pulling')
    await record.reached('queued', NEVER)
    await record.move('failed')
    await never
    await record.reached('failed', NEVER)
    await coded(record.reached('succeeded', NEVER), 'already_ended')
  })

  test('paused and running come and go: only now or later counts', async () => {
    const { record } = await tracked()
    for (const status of ['queued', 'pulling', 'creating', 'running', 'paused'] as const) await record.move(status)
    const running = record.reached('running', NEVER)
    await record.move('running')
    await running
    await record.move('finalizing')
    await record.reached('running', NEVER)
    await record.move('succeeded')
    await coded(record.reached('paused', NEVER), 'already_ended')
  })

  test('a wait that is given up rejects with its reason', async () => {
    const { record } = await tracked()
    const controller = new AbortController()
    const wait = record.reached('running', controller.signal)
    controller.abort(new ErrandError('deadline_exceeded', 'too late'))
    await coded(wait, 'deadline_exceeded')
  })
})
