import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { type Note, note, testJournal } from '../conformance.ts'
import { backupPath, SCHEMA_VERSION } from './schema.ts'
import { SqliteJournal } from './sqlite-journal.ts'

/** A folder that goes when it is disposed. */
class Folder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), 'errand-journal-')))
  }

  get file(): string {
    return join(this.path, 'journal.db')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

testJournal('sqlite', async () => {
  const folder = await Folder.make()
  const journal = await SqliteJournal.open<Note>(folder.file)
  const close = journal[Symbol.asyncDispose].bind(journal)
  return Object.assign(journal, {
    async [Symbol.asyncDispose](): Promise<void> {
      await close()
      await folder[Symbol.asyncDispose]()
    },
  })
})

async function refusedToOpen(file: string, words: RegExp): Promise<void> {
  await assert.rejects(SqliteJournal.open(file), (error) => {
    assert.ok(error instanceof ErrandError && error.code === 'storage_error', String(error))
    assert.match(error.message, words)
    return true
  })
}

describe('a journal in a file', () => {
  test('remembers after it was closed and opened again', async () => {
    await using folder = await Folder.make()
    {
      await using journal = await SqliteJournal.open<Note>(folder.file)
      await journal.insert(note('a'), { key: 'k', digest: 'd' })
      await journal.save(note('a', { status: 'running' }))
    }
    await using journal = await SqliteJournal.open<Note>(folder.file)
    assert.equal((await journal.find('one', 'a'))?.status, 'running')
    assert.equal((await journal.insert(note('b'), { key: 'k', digest: 'd' }))?.executionId, 'a')
    assert.equal((await journal.events('one', 0, 10)).length, 2)
  })

  test('keeps what was asked for before it is closed', async () => {
    await using folder = await Folder.make()
    const journal = await SqliteJournal.open<Note>(folder.file)
    const inserts = Array.from({ length: 200 }, (_, index) => journal.insert(note(`id-${index}`)))
    await Promise.all([...inserts, journal[Symbol.asyncDispose]()])
    await using again = await SqliteJournal.open<Note>(folder.file)
    assert.equal((await again.unsettled('one')).length, 200)
  })

  test('refuses everything once it is closed', async () => {
    await using folder = await Folder.make()
    const journal = await SqliteJournal.open<Note>(folder.file)
    await journal[Symbol.asyncDispose]()
    await assert.rejects(journal.find('one', 'a'), ErrandError)
  })

  test('F12: one of a newer version is refused with a clear sentence, and left as it is', async () => {
    await using folder = await Folder.make()
    await (await SqliteJournal.open<Note>(folder.file))[Symbol.asyncDispose]()
    {
      using database = new DatabaseSync(folder.file)
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
    }
    await refusedToOpen(folder.file, new RegExp(`newer version of Errand .*${backupPath('', SCHEMA_VERSION)}`))
    using database = new DatabaseSync(folder.file)
    assert.equal(database.prepare('PRAGMA user_version').get()?.user_version, SCHEMA_VERSION + 1)
  })

  test('F20: one that is damaged is refused', async () => {
    await using folder = await Folder.make()
    {
      await using journal = await SqliteJournal.open<Note>(folder.file)
      await Promise.all(Array.from({ length: 500 }, (_, index) => journal.insert(note(`id-${index}`))))
    }
    await truncate(folder.file, 20_000)
    await refusedToOpen(folder.file, /cannot be used/)
  })

  test('F20: a file that is no database is refused', async () => {
    await using folder = await Folder.make()
    await writeFile(folder.file, 'not a database, but long enough to be taken for one'.repeat(100))
    await refusedToOpen(folder.file, /not a database/)
  })

  test('F20: one with a write-ahead log that is torn or empty has what was kept before', async () => {
    await using folder = await Folder.make()
    {
      await using journal = await SqliteJournal.open<Note>(folder.file)
      await journal.insert(note('a'))
    }
    await writeFile(`${folder.file}-wal`, '')
    await appendFile(`${folder.file}-wal`, 'torn')
    await using journal = await SqliteJournal.open<Note>(folder.file)
    assert.equal((await journal.find('one', 'a'))?.executionId, 'a')
  })
})
