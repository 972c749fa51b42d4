import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { config, testConfigJournal } from '../config-conformance.ts'
import { type Note, note, testJournal } from '../conformance.ts'
import { JournalFolder } from './journal-folder.fixture.ts'
import { backupPath, SCHEMA_VERSION } from './schema.ts'
import type { SqliteJournal } from './sqlite-journal.ts'

async function openAlone(): Promise<SqliteJournal<Note>> {
  const folder = await JournalFolder.make()
  const journal = await folder.open()
  const close = journal[Symbol.asyncDispose].bind(journal)
  return Object.assign(journal, {
    async [Symbol.asyncDispose](): Promise<void> {
      await close()
      await folder[Symbol.asyncDispose]()
    },
  })
}

testJournal('sqlite', openAlone)

testConfigJournal('sqlite', openAlone)

describe('a journal in a file', () => {
  test('remembers after it was closed and opened again', async () => {
    await using folder = await JournalFolder.make()
    {
      await using journal = await folder.open()
      await journal.insert(note('a'), { key: 'k', digest: 'd' })
      await journal.save(note('a', { status: 'running' }))
    }
    await using journal = await folder.open()
    assert.equal((await journal.find('one', 'a'))?.status, 'running')
    assert.equal((await journal.insert(note('b'), { key: 'k', digest: 'd' }))?.executionId, 'a')
    assert.equal((await journal.events('one', 0, 10)).length, 2)
  })

  test('F13: a configuration has its version and its time after that, too', async () => {
    await using folder = await JournalFolder.make()
    {
      await using journal = await folder.open()
      await journal.keepConfig(config('a', 10))
    }
    await using journal = await folder.open()
    assert.deepEqual(await journal.keepConfig(config('a', 20)), { version: 1, hash: 'a', sinceMs: 10 })
    assert.equal((await journal.keepConfig(config('b', 30))).version, 2)
  })

  test('keeps what was asked for before it is closed', async () => {
    await using folder = await JournalFolder.make()
    const journal = await folder.open()
    const inserts = Array.from({ length: 200 }, (_, index) => journal.insert(note(`id-${index}`)))
    await Promise.all([...inserts, journal[Symbol.asyncDispose](), journal[Symbol.asyncDispose]()])
    await using again = await folder.open()
    assert.equal((await again.unsettled('one')).length, 200)
  })

  test('refuses everything once it is closed', async () => {
    await using folder = await JournalFolder.make()
    const journal = await folder.open()
    await journal[Symbol.asyncDispose]()
    await assert.rejects(journal.find('one', 'a'), ErrandError)
  })

  test('F12: one of a newer version is refused with a clear sentence, and left as it is', async () => {
    await using folder = await JournalFolder.make()
    await folder.keep(1)
    {
      using database = new DatabaseSync(folder.file)
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
    }
    await assert.rejects(folder.open(), {
      code: 'storage_error',
      message: new RegExp(`newer version of Errand .*${backupPath('', SCHEMA_VERSION)}`),
    })
    using database = new DatabaseSync(folder.file)
    assert.equal(database.prepare('PRAGMA user_version').get()?.user_version, SCHEMA_VERSION + 1)
  })
})
