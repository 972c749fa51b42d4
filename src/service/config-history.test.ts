import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ErrandError } from '../core/errors.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { MemoryJournal } from '../journal/memory/memory-journal.ts'
import { ConfigHistory } from './config-history.ts'
import type { Grant } from './node-api.ts'

const NEVER = new AbortController().signal
const GRANT: Grant = { cpuMillis: 1000, memoryBytes: 1, keepAliveMs: 1, hasGpu: false, microVmRuntime: undefined }

test('F13: what a node runs with is kept as canonical JSON, under the SHA-256 of that', async () => {
  const journal = new MemoryJournal()
  const describe = ({ cpuMillis }: Grant): object => ({ b: cpuMillis, a: { d: undefined, c: [1] } })
  const configs = new ConfigHistory({ journal, describe, clock: new ManualClock() })
  assert.equal(configs.current, undefined)
  await configs.keep(GRANT, NEVER)
  const config = '{"a":{"c":[1]},"b":1000}'
  const hash = createHash('sha256').update(config).digest('hex')
  assert.deepEqual(await journal.findConfig(1), { version: 1, sinceMs: 0, hash, config })
  assert.deepEqual(configs.current, { version: 1, sinceMs: 0, hash })
})

test('F14: another grant is another version, the same one is none', async () => {
  const clock = new ManualClock()
  const configs = new ConfigHistory({ journal: new MemoryJournal(), describe: (grant) => grant, clock })
  const kept: [number, number][] = []
  for (const cpuMillis of [1000, 1000, 500, 1000]) {
    const { version, sinceMs } = await configs.keep({ ...GRANT, cpuMillis }, NEVER)
    kept.push([version, sinceMs])
    await clock.advance(10)
  }
  assert.deepEqual(kept, [
    [1, 0],
    [1, 0],
    [2, 20],
    [3, 30],
  ])
})

test('F13: what the journal cannot keep changes nothing', async () => {
  class FullJournal extends MemoryJournal<never> {
    isFull = false

    override async keepConfig(...config: Parameters<MemoryJournal<never>['keepConfig']>) {
      if (this.isFull) throw new ErrandError('storage_full', 'the disk is full')
      return super.keepConfig(...config)
    }
  }
  const journal = new FullJournal()
  const configs = new ConfigHistory({ journal, describe: (grant) => grant, clock: new ManualClock() })
  const before = await configs.keep(GRANT, NEVER)
  journal.isFull = true
  await assert.rejects(configs.keep({ ...GRANT, cpuMillis: 500 }, NEVER), { code: 'storage_full' })
  assert.deepEqual(configs.current, before)
})

test('F13: what is kept when nobody waits for it any more does not come into force', async () => {
  const { promise: disk, resolve: answer } = Promise.withResolvers<void>()
  class SlowJournal extends MemoryJournal<never> {
    override async keepConfig(...config: Parameters<MemoryJournal<never>['keepConfig']>) {
      await disk
      return super.keepConfig(...config)
    }
  }
  const journal = new SlowJournal()
  const configs = new ConfigHistory({ journal, describe: (grant) => grant, clock: new ManualClock() })
  const late = new ErrandError('storage_error', 'too late')
  await assert.rejects(configs.keep(GRANT, AbortSignal.abort(late)), late)
  answer()
  while ((await journal.findConfig(1)) === undefined) await setImmediate()
  assert.equal(configs.current, undefined)
})
