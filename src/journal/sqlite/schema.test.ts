import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { JournalFolder } from './journal-folder.fixture.ts'
import { backupPath, MIGRATIONS, migrate, SCHEMA_VERSION, versionOf } from './schema.ts'
import { assertSound } from './soundness.ts'
import { SqliteJournal } from './sqlite-journal.ts'

const NEXT = 'ALTER TABLE executions ADD COLUMN note TEXT'

function count(file: string): unknown {
  using database = new DatabaseSync(file, { readOnly: true })
  return database.prepare('SELECT count(*) AS count FROM executions').get()?.count
}

describe('F12: a migration', () => {
  test('keeps every record, and a copy of what there was before', async () => {
    await using folder = await JournalFolder.make()
    await folder.keep(20)
    {
      using database = new DatabaseSync(folder.file)
      migrate(database, folder.file, [...MIGRATIONS, NEXT])
      assert.equal(versionOf(database), SCHEMA_VERSION + 1)
      assert.equal(database.prepare('SELECT count(note) AS notes FROM executions').get()?.notes, 0)
    }
    assert.equal(count(folder.file), 20)
    const copy = backupPath(folder.file, SCHEMA_VERSION)
    assertSound(copy)
    assert.equal(count(copy), 20)
  })

  test('from the first version makes job and labels of old records known, and leaves a damaged one alone', async () => {
    await using folder = await JournalFolder.make()
    await folder.keep(1)
    const file = `${folder.file}.old`
    const record = { executionId: 'a', executorId: 'one', callerId: 'me', status: 'failed', times: { acceptedMs: 1 } }
    {
      using database = new DatabaseSync(file)
      migrate(database, file, MIGRATIONS.slice(0, 1))
      const insert = database.prepare("INSERT INTO executions VALUES (?, 'one', ?, 'me', 'failed', 1, 1, ?)")
      insert.run(1, 'a', JSON.stringify({ ...record, jobId: 'j', request: { labels: { k: 'v', odd: "'" } } }))
      insert.run(2, 'b', JSON.stringify({ ...record, executionId: 'b' }))
      insert.run(3, 'c', '{"broken')
    }
    await using journal = await SqliteJournal.open(file)
    const found = async (query: object): Promise<string[]> =>
      (await journal.page('one', { limit: 10, ...query })).records.map(({ executionId }) => executionId)
    assert.deepEqual(await found({ jobId: 'j' }), ['a'])
    assert.deepEqual(await found({ labels: { k: 'v', odd: "'" } }), ['a'])
    assertSound(backupPath(file, 1))
  })

  test('F13: from a version that kept no configurations begins with the first one', async () => {
    await using folder = await JournalFolder.make()
    const file = `${folder.file}.old`
    {
      using database = new DatabaseSync(file)
      migrate(database, file, MIGRATIONS.slice(0, 2))
    }
    await using journal = await SqliteJournal.open(file)
    assert.equal((await journal.keepConfig({ hash: 'h', sinceMs: 1, config: '{}' })).version, 1)
    assertSound(backupPath(file, 2))
  })

  test('that fails leaves everything as it was', async () => {
    await using folder = await JournalFolder.make()
    await folder.keep(20)
    {
      using database = new DatabaseSync(folder.file)
      assert.throws(() => migrate(database, folder.file, [...MIGRATIONS, NEXT, 'no SQL']))
    }
    await using journal = await folder.open()
    assert.equal((await journal.unsettled('one')).length, 20)
  })

  test('of nothing keeps no copy', async () => {
    await using folder = await JournalFolder.make()
    await folder.keep(1)
    assert.equal(existsSync(backupPath(folder.file, 0)), false)
  })
})
