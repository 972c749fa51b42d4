import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { silentLog } from '../../core/log.ts'
import { ManualClock, settle } from '../../core/manual-clock.ts'
import { abortable } from '../../util/abort.ts'
import { EndedInvocations } from './ended-invocations.ts'
import { InvocationIndex } from './invocation-index.ts'
import type { InvocationRecord } from './invocation-record.ts'

/** Ended invocations whose folders take a while to measure. */
class World implements AsyncDisposable {
  readonly measured: string[] = []
  readonly #underWay: PromiseWithResolvers<number>[] = []
  readonly #index = new InvocationIndex()
  readonly #folder: string
  readonly ended: EndedInvocations

  constructor(folder: string, retentionBytes: number) {
    this.#folder = folder
    this.ended = new EndedInvocations({
      clock: new ManualClock(),
      log: silentLog,
      limits: { retentionMs: 1000, retentionBytes },
      webhooks: { settled: async () => {} },
      store: {
        usage: (id, signal) => {
          this.measured.push(id)
          const usage = Promise.withResolvers<number>()
          this.#underWay.push(usage)
          return abortable(usage.promise, signal)
        },
      },
      index: this.#index,
      logPath: join(folder, 'list'),
      remove: async () => {},
    })
  }

  static async make(retentionBytes: number = Infinity): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), 'errand-ended-')), retentionBytes)
  }

  add(id: string): InvocationRecord {
    const times = { acceptedMs: 0, endedMs: 0 }
    const asked = { callerId: 'ada', task: 'it', method: 'POST', isIdempotent: false, requestBytes: 0 }
    const record: InvocationRecord = { id, status: 'answered', ...times, ...asked }
    this.#index.add(record, undefined)
    this.ended.keep(record)
    return record
  }

  /** Ends the measure that is under way, by failing without `bytes`. */
  async measure(bytes?: number): Promise<void> {
    await settle()
    const usage = this.#underWay.shift() ?? assert.fail('nothing is measured')
    assert.equal(this.#underWay.length, 0, 'one at a time')
    if (bytes === undefined) usage.reject(new Error('too many open files'))
    else usage.resolve(bytes)
  }

  async listed(): Promise<unknown[]> {
    const text = await readFile(join(this.#folder, 'list'), 'utf8')
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)[0])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended[Symbol.dispose]()
    await rm(this.#folder, { recursive: true })
  }
}

describe('what invocations that have ended take', () => {
  test('is measured one after the other, and what was not measured is not listed', async () => {
    await using world = await World.make()
    const listing = ['a', 'b', 'c'].map((id) => world.ended.enlist(world.add(id)))
    for (const bytes of [1, undefined, 3]) await world.measure(bytes)
    await Promise.all(listing)
    assert.deepEqual(await world.listed(), ['a', 'c'])
    await world.ended.idle()
  })

  test('is measured once, for the room that they have and for the list', async () => {
    await using world = await World.make(1000)
    const listing = ['a', 'b'].map((id) => world.ended.enlist(world.add(id)))
    for (const bytes of [1, 2]) await world.measure(bytes)
    await Promise.all(listing)
    await world.ended.idle()
    assert.deepEqual(
      [world.measured, await world.listed()],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    )
  })

  test('keeps no stop waiting', { timeout: 5000 }, async () => {
    await using world = await World.make(1000)
    for (const id of ['a', 'b', 'c']) world.add(id)
    const closing = new AbortController()
    const listing = world.ended.enlist(world.add('d'), closing.signal)
    await settle()
    closing.abort()
    await world.ended.idle()
    await listing
    assert.deepEqual(world.measured, ['a'])
  })
})
