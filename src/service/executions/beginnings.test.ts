import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { FakeEngine } from '../../engine/fake/fake-engine.ts'
import type { IdempotencyKey } from '../../journal/journal.ts'
import { MemoryJournal } from '../../journal/memory/memory-journal.ts'
import type { ExecutionRecord } from '../executor.ts'
import { Beginnings } from './beginnings.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { ExecutionWebhooks } from './execution-webhooks.ts'
import { LiveExecutions } from './live-executions.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'

const KEY: IdempotencyKey = { key: 'k', digest: 'd' }

/** Forgets nothing as often as it was told not to. */
class StubbornJournal extends MemoryJournal<ExecutionRecord> {
  refusals = 0

  override async remove(executorId: string, executionId: string): Promise<void> {
    if (this.refusals === 0) return super.remove(executorId, executionId)
    this.refusals -= 1
    throw new ErrandError('storage_error', 'not now')
  }
}

/** Begins executions whose results are wanted where no folder can be. */
class Bench implements AsyncDisposable {
  readonly clock = new ManualClock()
  readonly journal: StubbornJournal = new StubbornJournal(this.clock)
  readonly ended: string[] = []
  readonly told: string[] = []
  readonly beginnings: Beginnings
  readonly #engine: FakeEngine
  readonly #folder: string

  private constructor(folder: string, engine: FakeEngine, probe: object) {
    this.#folder = folder
    this.#engine = engine
    const deps = {
      executorId: 'one',
      engines: new Map([['fake', { engine, probe, images: { assertAllowed: () => {} } }]]),
      admission: { assertSatisfiable: () => {}, waitingExecutions: () => 0 },
      journal: this.journal,
      clock: this.clock,
      log: silentLog,
      newId: () => 'new',
      runtimes: {},
      defaults: DEFAULTS,
      folder,
      trash: join(folder, 'trash'),
      privatePaths: [],
    } as unknown as ExecutionDeps
    const webhooks = {
      assertAllowed: () => {},
      moved: ({ status }: ExecutionRecord) => this.told.push(status),
    } as unknown as ExecutionWebhooks
    const onEnded = (executionId: string): void => void this.ended.push(executionId)
    const parts = { deps, webhooks, current: new LiveExecutions(), onEnded }
    this.beginnings = new Beginnings(parts as unknown as ConstructorParameters<typeof Beginnings>[0])
  }

  static async make(): Promise<Bench> {
    const engine = new FakeEngine({ images: { any: {} } })
    const folder = await mkdtemp(join(tmpdir(), 'errand-beginnings-'))
    await writeFile(join(folder, 'file'), '')
    return new Bench(folder, engine, await engine.probe(new AbortController().signal))
  }

  /** As `submit` does. */
  async submit(): Promise<ExecutionRecord> {
    const asked = { engineSpec: { type: 'fake', params: { image: 'any' } }, resultsDir: join(this.#folder, 'file') }
    const { record, begun } = await this.beginnings.accept(asked, { key: KEY })
    await begun
    return record
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.beginnings.close()
    await this.beginnings.idle()
    await this.#engine[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true })
  }
}

describe('I1: an execution whose files cannot be made', () => {
  test('is refused to everybody who has sent its key, and not known then', async () => {
    await using bench = await Bench.make()
    const answers = await Promise.allSettled([bench.submit(), bench.submit(), bench.submit()])
    assert.deepEqual(
      answers.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    )
    assert.deepEqual(await bench.journal.unsettled('one'), [])
  })

  test('is settled where it cannot be forgotten, so that no later process runs it', async () => {
    await using bench = await Bench.make()
    bench.journal.refusals = 1
    await assert.rejects(bench.submit(), { code: 'validation_failed' })
    await bench.beginnings.idle()
    const record = await bench.journal.find('one', 'new')
    assert.deepEqual([record?.status, bench.ended, bench.told.at(-1)], ['failed', ['new'], 'failed'])
  })
})
