import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ErrandError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { note } from '../../journal/conformance.ts'
import type { EndsPage } from '../../journal/journal.ts'
import type { ExecutionRecord } from '../executor.ts'
import { EndedExecutions } from './ended-executions.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { ExecutionWebhooks } from './execution-webhooks.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'

const MINUTE_MS = 60_000

/** What has ended, of an executor whose journal answers as told. */
class Bench implements AsyncDisposable {
  readonly clock = new ManualClock()
  readonly forgotten: string[] = []
  readonly told: string[] = []
  readonly asked: string[] = []
  readonly pages: PromiseWithResolvers<EndsPage>[] = []
  readonly folder: string
  readonly ended: EndedExecutions
  untold: Promise<void> = Promise.resolve()
  find = async (_: string, executionId: string): Promise<object> => note(executionId)

  private constructor(folder: string, retentionBytes: number) {
    this.folder = folder
    const ends = (): Promise<EndsPage> => {
      const page = Promise.withResolvers<EndsPage>()
      this.pages.push(page)
      return page.promise
    }
    const find = (executorId: string, executionId: string): Promise<object> => this.find(executorId, executionId)
    const defaults = { ...DEFAULTS, retentionBytes, retentionMs: MINUTE_MS }
    const deps = { clock: this.clock, log: silentLog, journal: { ends, find }, executorId: 'one', folder, defaults }
    const webhooks = {
      tell: ({ executionId }: ExecutionRecord) => this.told.push(executionId),
      untilTold: (executionId: string) => {
        this.asked.push(executionId)
        return this.untold
      },
    }
    const forget = async (id: string): Promise<void> => {
      this.forgotten.push(id)
      this.ended.drop(id)
    }
    this.ended = new EndedExecutions(deps as unknown as ExecutionDeps, webhooks as unknown as ExecutionWebhooks, forget)
  }

  static async make(retentionBytes = Infinity): Promise<Bench> {
    return new Bench(await mkdtemp(join(tmpdir(), 'errand-ended-')), retentionBytes)
  }

  keep(id: string, persistLogsMs?: number): void {
    this.ended.keep(id, { retentionMs: MINUTE_MS, persistLogsMs }, 0)
  }

  /** What an execution of 100 kB keeps. */
  async fill(id: string): Promise<void> {
    await mkdir(join(this.folder, id))
    await writeFile(join(this.folder, id, 'file'), Buffer.alloc(100_000))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended[Symbol.dispose]()
    for (const page of this.pages) page.resolve({ ends: [], cursor: undefined })
    await this.ended.idle()
    await rm(this.folder, { recursive: true })
  }
}

describe('what has ended before', () => {
  test('F1: is read while others end and go already', async () => {
    await using bench = await Bench.make()
    bench.ended.recover()
    bench.keep('new')
    await bench.clock.advance(MINUTE_MS)
    assert.deepEqual(bench.forgotten, ['new'])
    const endedMs = bench.clock.wallMs()
    bench.pages[0]?.resolve({ ends: [{ executionId: 'untold', endedMs, isUntold: true }], cursor: '1' })
    await bench.clock.advance(0)
    bench.pages[1]?.resolve({
      ends: [{ executionId: 'old', endedMs, retentionMs: 5, isUntold: false }],
      cursor: undefined,
    })
    await bench.clock.advance(5)
    assert.deepEqual([bench.forgotten, bench.told], [['new', 'old'], ['untold']])
  })

  test('and is removed while that is read has no retention any more', async () => {
    await using bench = await Bench.make()
    bench.ended.recover()
    bench.ended.drop('gone')
    const ends = ['gone', 'old'].map((executionId) => ({ executionId, retentionMs: 1, isUntold: false }))
    bench.pages[0]?.resolve({ ends, cursor: undefined })
    await bench.clock.advance(MINUTE_MS)
    assert.deepEqual(bench.forgotten, ['old'])
  })

  test('is read again when it could not be', async () => {
    await using bench = await Bench.make()
    bench.ended.recover()
    bench.pages[0]?.reject(new ErrandError('storage_error', 'not now'))
    await bench.clock.advance(MINUTE_MS)
    bench.pages[1]?.resolve({ ends: [{ executionId: 'old', retentionMs: 1, isUntold: false }], cursor: undefined })
    await bench.clock.advance(MINUTE_MS)
    assert.deepEqual(bench.forgotten, ['old'])
  })

  test('goes before what ends now when both take too much of the disk', async () => {
    await using bench = await Bench.make(150_000)
    for (const id of ['old', 'new']) await bench.fill(id)
    bench.ended.recover()
    bench.keep('new')
    bench.pages[0]?.resolve({ ends: [{ executionId: 'old', isUntold: false }], cursor: undefined })
    await bench.ended.idle()
    assert.deepEqual(bench.forgotten, ['old'])
  })
})

describe('what has ended', () => {
  test('is told before it goes, also when it takes too much of the disk', async () => {
    await using bench = await Bench.make(150_000)
    for (const id of ['first', 'second']) await bench.fill(id)
    const { promise, resolve } = Promise.withResolvers<void>()
    bench.untold = promise
    for (const id of ['first', 'second']) bench.keep(id)
    while (bench.asked.length + bench.forgotten.length === 0) await turn()
    assert.deepEqual(bench.forgotten, [])
    resolve()
    await bench.ended.idle()
    assert.deepEqual(bench.forgotten, ['first'])
  })

  test('loses its output files later when the journal cannot tell where they are', async () => {
    await using bench = await Bench.make()
    const looks: string[] = []
    const { find } = bench
    bench.find = async (executorId, executionId) => {
      looks.push(executionId)
      if (looks.length === 1) throw new ErrandError('storage_error', 'not now')
      return { ...(await find(executorId, executionId)), resultsDir: bench.folder }
    }
    bench.ended.keep('one', { retentionMs: 10 * MINUTE_MS, persistLogsMs: 1 }, 0)
    await bench.clock.advance(1)
    assert.deepEqual(looks, ['one'])
    await bench.clock.advance(MINUTE_MS)
    assert.deepEqual(looks, ['one', 'one'])
  })
})
