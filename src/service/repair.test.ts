import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomId } from '../core/ids.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { plainSpec } from '../engine/sandbox-spec.fixture.ts'
import { identify } from '../instance/identity.ts'
import type { JournalRepair, SalvagedEntry } from '../journal/journal-repair.ts'
import type { ExecutionRecord } from './executor.ts'
import { repairJournal } from './repair.ts'
import { lostRecord } from './repaired-record.ts'

const SIGNAL = new AbortController().signal
const TIME = { nowMs: Date.now(), bootMs: Date.now() - 1e6, bootId: 'this-boot' }
const INSTALLATION = { id: randomId(), macKey: Buffer.alloc(32, 1) }

/** A journal of which these records could be read. */
class DamagedJournal implements JournalRepair<ExecutionRecord> {
  readonly #entries: readonly SalvagedEntry<ExecutionRecord>[]
  made: readonly SalvagedEntry<ExecutionRecord>[] | undefined

  constructor(records: readonly ExecutionRecord[]) {
    this.#entries = records.map((record) => ({ record, key: { key: record.executionId, digest: 'd' } }))
  }

  findDamage(): string {
    return 'a page is missing'
  }

  async putAside(): Promise<string> {
    return '/aside'
  }

  salvage(): { entries: readonly SalvagedEntry<ExecutionRecord>[]; unreadable: number } {
    return { entries: this.#entries, unreadable: 3 }
  }

  async replace(entries: readonly SalvagedEntry<ExecutionRecord>[]): Promise<void> {
    this.made = entries
  }
}

function recordOf(id: string, changes: Partial<ExecutionRecord>): ExecutionRecord {
  const { reason: _reason, ...record } = lostRecord(id, 'node', '/results', TIME)
  return { ...record, message: '', ...changes }
}

interface World {
  readonly read?: readonly ExecutionRecord[]
  /** Of every container. */
  readonly attempt?: number
  /** What the containers do, by execution. */
  readonly containers?: Readonly<Record<string, 'created' | 'running' | { readonly exitCode: number }>>
}

async function repaired({ read = [], containers = {}, attempt = 1 }: World) {
  await using engine = new FakeEngine()
  for (const [id, state] of Object.entries(containers)) {
    const script = typeof state === 'object' ? { exit: { code: state.exitCode } } : {}
    const { id: imageId } = engine.addImage(`image-${id}`, script)
    const spec = plainSpec(imageId)
    const owner = { kind: 'execution', id, executor: 'node', job: 'a-job', attempt } as const
    const ref = await engine.create(spec, identify(INSTALLATION, 'node', owner, spec), SIGNAL)
    if (state !== 'created') await engine.start(ref, SIGNAL)
  }
  const journal = new DamagedJournal(read)
  const deps = { journal, engine, installation: INSTALLATION, executorId: 'node', folder: '/none', time: TIME }
  const report = await repairJournal(deps, SIGNAL)
  const records = new Map(journal.made?.map(({ record }) => [record.executionId, record]))
  return { report, records, keys: journal.made?.map(({ key }) => key?.key) }
}

describe('the repair of a journal', () => {
  test('keeps records of executions that have ended as they are, with their keys', async () => {
    const ended = recordOf('a', { status: 'succeeded', exitCode: 0 })
    const { records, keys, report } = await repaired({ read: [ended] })
    assert.deepEqual(records.get('a'), ended)
    assert.deepEqual(keys, ['a'])
    assert.deepEqual(report, {
      damage: 'a page is missing',
      aside: '/aside',
      read: 1,
      unreadable: 3,
      rebuilt: [],
      lost: [],
    })
  })

  test('F20: makes records for running containers from their labels', async () => {
    const { records, report } = await repaired({ containers: { a: 'running' } })
    const record = records.get('a')
    assert.deepEqual(report?.rebuilt, ['a'])
    assert.deepEqual(
      [record?.executorId, record?.jobId, record?.attempt, record?.status, record?.host?.bootId],
      ['node', 'a-job', 1, 'running', 'this-boot'],
    )
    assert.match(record?.image?.id ?? '', /^sha256:/)
    assert.match(record?.warnings[0] ?? '', /made anew from its container/)
  })

  test('begins nothing that may have run before', async () => {
    const read = (['accepted', 'queued', 'pulling', 'creating', 'running', 'finalizing'] as const).map((status) =>
      recordOf(status, { status }),
    )
    const { records, report } = await repaired({ read })
    for (const record of records.values()) assert.deepEqual([record.status, record.reason], ['lost', 'runtime_lost'])
    assert.equal(report?.lost.length, read.length)
  })

  test('goes on with an old record whose container is further', async () => {
    const read = [recordOf('a', { status: 'accepted', attempt: 1 }), recordOf('b', { status: 'creating' })]
    const { records } = await repaired({ read, containers: { a: 'running', b: 'created' } })
    assert.equal(records.get('a')?.status, 'running')
    assert.equal(records.get('b'), read[1])
  })

  test('goes on with the attempt that is there, not with the one of an old record', async () => {
    const read = [recordOf('a', { status: 'running', attempt: 1 })]
    const { records } = await repaired({ read, containers: { a: 'running' }, attempt: 2 })
    assert.deepEqual([records.get('a')?.status, records.get('a')?.attempt], ['running', 2])
  })

  test('does not run a container of which it does not know what it is to do', async () => {
    const { records } = await repaired({ containers: { a: 'created' } })
    assert.equal(records.get('a')?.status, 'lost')
  })

  test('calls nothing a success that nobody has seen to be one', async () => {
    const { records } = await repaired({ containers: { ok: { exitCode: 0 }, bad: { exitCode: 3 } } })
    assert.equal(records.get('ok')?.status, 'lost')
    assert.equal(records.get('bad')?.status, 'running')
  })

  test('leaves containers alone that carry our label without our mac', async () => {
    await using engine = new FakeEngine()
    const { id: imageId } = engine.addImage('image', {})
    const spec = plainSpec(imageId)
    const forger = { id: INSTALLATION.id, macKey: Buffer.alloc(32, 2) }
    const owner = { kind: 'execution', id: 'a', executor: 'node', job: 'j', attempt: 1 } as const
    await engine.start(await engine.create(spec, identify(forger, 'node', owner, spec), SIGNAL), SIGNAL)
    const journal = new DamagedJournal([])
    const deps = { journal, engine, installation: INSTALLATION, executorId: 'node', folder: '/none', time: TIME }
    await repairJournal(deps, SIGNAL)
    assert.deepEqual(journal.made, [])
  })
})
