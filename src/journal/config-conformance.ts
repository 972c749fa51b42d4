import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConfigJournal, MOST_CONFIGS, type NewConfig } from './config-journal.ts'
import { type Note, note } from './conformance.ts'
import type { Journal } from './journal.ts'

type WholeJournal = Journal<Note> & ConfigJournal

/** A configuration for tests. */
export function config(name: string, sinceMs = 1): NewConfig {
  return { hash: name, sinceMs, config: `{"name":"${name}"}` }
}

/** Registers the tests that every journal that keeps configurations passes. Call it at the top of a test file. */
export function testConfigJournal(name: string, open: () => Promise<WholeJournal>): void {
  describe(`F13: the configurations in the journal ${name}`, () => {
    for (const [title, run] of Object.entries(CONFIGS)) {
      test(title, async () => {
        await using journal = await open()
        await run(journal)
      })
    }
  })
}

/** Each named after the version that it gets; in one commit. */
async function keepFrom(journal: ConfigJournal, first: number, last: number): Promise<void> {
  const versions = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  await Promise.all(versions.map((version) => journal.keepConfig(config(`${version}`))))
}

const CONFIGS: Record<string, (journal: WholeJournal) => Promise<void>> = {
  async 'each that differs from the one before is a version more, also when it was there before'(journal) {
    assert.deepEqual(await journal.keepConfig(config('a', 10)), { version: 1, hash: 'a', sinceMs: 10 })
    assert.deepEqual(await journal.keepConfig(config('b', 20)), { version: 2, hash: 'b', sinceMs: 20 })
    assert.deepEqual(await journal.keepConfig(config('a', 30)), { version: 3, hash: 'a', sinceMs: 30 })
  },

  async 'the same again is the same version, since the time that it had'(journal) {
    await journal.keepConfig(config('a', 10))
    assert.deepEqual(await journal.keepConfig(config('a', 20)), { version: 1, hash: 'a', sinceMs: 10 })
    assert.equal(await journal.findConfig(2), undefined)
  },

  async 'are found by their versions, whole'(journal) {
    await journal.keepConfig(config('a', 10))
    await journal.keepConfig(config('b', 20))
    assert.deepEqual(await journal.findConfig(1), { version: 1, ...config('a', 10) })
    assert.deepEqual(await journal.findConfig(2), { version: 2, ...config('b', 20) })
    assert.equal(await journal.findConfig(0), undefined)
    assert.equal(await journal.findConfig(3), undefined)
  },

  async 'many at once have a version each'(journal) {
    const kept = await Promise.all(Array.from({ length: 20 }, (_, index) => journal.keepConfig(config(`${index}`))))
    assert.deepEqual(
      kept.map(({ version }) => version),
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
  },

  async 'go on after the greatest version that a record names, where none is kept'(journal) {
    await journal.insert(note('a', { configVersion: 7, status: 'failed' }))
    await journal.insert(note('b'))
    assert.equal((await journal.keepConfig(config('a'))).version, 8)
  },

  async 'the oldest are forgotten, but for those that something names that has not ended'(journal) {
    await keepFrom(journal, 1, 4)
    await journal.insert(note('none'))
    await journal.insert(note('living', { configVersion: 2, status: 'running' }))
    await journal.insert(note('ended', { configVersion: 3, status: 'failed' }))
    await keepFrom(journal, 5, MOST_CONFIGS + 3)
    const kept = async (...versions: number[]): Promise<(string | undefined)[]> =>
      Promise.all(versions.map(async (version) => (await journal.findConfig(version))?.hash))
    assert.deepEqual(await kept(1, 2, 3, 4, 5), [undefined, '2', undefined, '4', '5'])
    await journal.save(note('living', { configVersion: 2, status: 'failed' }))
    await journal.keepConfig(config('last'))
    assert.deepEqual(await kept(2, 4, 5, MOST_CONFIGS + 4), [undefined, undefined, '5', 'last'])
  },
}
