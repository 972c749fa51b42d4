import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/manual-clock.ts'
import { FakeEngine } from '../../engine/fake/fake-engine.ts'
import { plainSpec } from '../../engine/sandbox-spec.fixture.ts'
import { MemoryJournal } from '../../journal/memory/memory-journal.ts'
import { newRecord } from '../../service/executions/new-record.ts'
import { planExecution } from '../../service/executions/plan-execution.ts'
import { DEFAULTS } from '../../service/executions/test-defaults.fixture.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import type { Fault } from './fault.ts'
import { FaultHook } from './fault-hook.ts'

const SIGNAL = new AbortController().signal
const IDENTITY = { name: 'one', labels: { of: 'test' } }
const FIRST = newRecord(
  { executorId: 'e', clock: new ManualClock() },
  planExecution({ engineSpec: { type: 'fake', params: { image: 'x' } } }, DEFAULTS, () => 'one'),
  '/results',
  'fake',
)

/** How many sandboxes there were when the process was to die, each time. */
async function deathsAround(fault: Fault): Promise<number[]> {
  const engine = new FakeEngine({ images: { 'x:1': {} } })
  const deaths: number[] = []
  const hooked = new FaultHook(fault, () => deaths.push(engine.sandboxes.length)).engine(engine)
  const [image] = await hooked.images.list(SIGNAL)
  const ref = await hooked.create(plainSpec(image?.id ?? ''), IDENTITY, SIGNAL)
  await hooked.remove(ref, SIGNAL)
  await hooked[Symbol.asyncDispose]()
  return deaths
}

test('without a fault nothing stands between', () => {
  const engine = new FakeEngine()
  const journal = new MemoryJournal<ExecutionRecord>()
  const hook = new FaultHook(undefined)
  assert.equal(hook.engine(engine), engine)
  assert.equal(hook.journal(journal), journal)
})

test('the process dies before a call, or when it has been done', async () => {
  assert.deepEqual(await deathsAround({ moment: 'before', point: 'container.create' }), [0])
  assert.deepEqual(await deathsAround({ moment: 'after', point: 'container.create' }), [1])
  assert.deepEqual(await deathsAround({ moment: 'before', point: 'container.remove' }), [1])
  assert.deepEqual(await deathsAround({ moment: 'after', point: 'container.remove' }), [0])
  assert.deepEqual(await deathsAround({ moment: 'after', point: 'container.start' }), [])
})

test('what a stream brings is over at its end', async () => {
  const deaths: string[] = []
  const engine = new FakeEngine({ images: { 'x:1': {} } })
  engine.collect = async function* () {
    yield Buffer.from('a')
    yield Buffer.from('b')
  }
  const hooked = new FaultHook({ moment: 'after', point: 'output.collect' }, () => deaths.push('now')).engine(engine)
  const seen: number[] = []
  for await (const _chunk of hooked.collect({ name: 'one', id: '1' }, '/x', SIGNAL)) seen.push(deaths.length)
  assert.deepEqual([seen, deaths], [[0, 0], ['now']])
})

test('what is kept has a point for each status, and for each step on the way to a sandbox', async () => {
  const saves: [Partial<ExecutionRecord>, Fault['point']][] = [
    [{ status: 'queued' }, 'journal.save.queued'],
    [{ status: 'creating' }, 'journal.save.creating'],
    [{ status: 'creating', step: { name: 'one', step: 'create' } }, 'journal.save.creating.create'],
    [{ status: 'creating', step: { name: 'one', step: 'start' } }, 'journal.save.creating.start'],
    [{ status: 'running', step: { name: 'one', step: 'start' } }, 'journal.save.running'],
    [{ status: 'timed_out' }, 'journal.save.ended'],
  ]
  for (const [, point] of saves) {
    const died: string[] = []
    const inner = new MemoryJournal<ExecutionRecord>()
    const status = async (): Promise<string> => (await inner.find('e', 'one'))?.status ?? 'none'
    const die = (): void => void died.push(point)
    await using journal = new FaultHook({ moment: 'after', point }, die).journal(inner)
    await journal.insert(FIRST)
    for (const [changes, at] of saves) {
      await journal.save({ ...FIRST, ...changes })
      assert.equal(died.length > 0, saves.findIndex((save) => save[1] === point) <= saves.findIndex((s) => s[1] === at))
    }
    assert.deepEqual([died, await status()], [[point], 'timed_out'])
  }
})
