import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { ErrandError } from '../../src/core/errors.ts'
import { type Note, note } from '../../src/journal/conformance.ts'
import { JournalFolder } from '../../src/journal/sqlite/journal-folder.fixture.ts'
import { JOURNAL_FILE, SqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import { FailingDisk } from '../support/small-disk.ts'

const run = promisify(execFile)

/** Until disposed, no file of this process may grow beyond so many bytes: writing more is an error, but no full disk. */
async function limitFiles(bytes: number): Promise<AsyncDisposable> {
  const set = (limit: string) => run('prlimit', ['--pid', String(process.pid), `--fsize=${limit}:unlimited`])
  await set(String(bytes))
  return { [Symbol.asyncDispose]: async () => void (await set('unlimited')) }
}

describe('F21: a journal whose disk', () => {
  test('turns read-only rejects every change, reads on, and does not end', async () => {
    await using disk = await FailingDisk.mount(64)
    const file = join(disk.path, JOURNAL_FILE)
    const failures: ErrandError[] = []
    {
      await using journal = await SqliteJournal.open<Note>(file, { onFailure: (error) => failures.push(error) })
      await journal.insert(note('a', { status: 'running' }))
      await disk.fail()
      const results = await Promise.allSettled([
        journal.insert(note('b')),
        journal.save(note('a', { status: 'failed' })),
        journal.remove('one', 'a'),
      ])
      for (const result of results) {
        assert.equal(result.status === 'rejected' && result.reason.code, 'storage_error')
      }
      assert.equal((await journal.find('one', 'a'))?.status, 'running')
      assert.equal((await journal.page('one', { limit: 10 })).records.length, 1)
    }
    assert.deepEqual(failures, [])
    await assert.rejects(SqliteJournal.open(file), { code: 'storage_error' })
    await using folder = await JournalFolder.make()
    for (const name of await readdir(disk.path)) {
      if (name.startsWith(JOURNAL_FILE)) await copyFile(join(disk.path, name), join(folder.path, name))
    }
    await using journal = await folder.open()
    assert.equal((await journal.find('one', 'a'))?.status, 'running')
  })

  test('refuses to be written for a while goes on by itself', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    await journal.insert(note('a', { status: 'running' }))
    {
      await using _limit = await limitFiles((await stat(`${folder.file}-wal`)).size)
      await assert.rejects(journal.save(note('a', { status: 'failed' })), { code: 'storage_error' })
      await assert.rejects(journal.insert(note('b')), { code: 'storage_error' })
      assert.equal((await journal.find('one', 'a'))?.status, 'running')
    }
    await journal.save(note('a', { status: 'failed' }))
    await journal.insert(note('b'))
    assert.equal((await journal.find('one', 'a'))?.status, 'failed')
  })
})
