import assert from 'node:assert/strict'
import { copyFile, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { type Note, note } from '../../src/journal/conformance.ts'
import { JournalFolder } from '../../src/journal/sqlite/journal-folder.fixture.ts'
import { SqliteRepair } from '../../src/journal/sqlite/sqlite-repair.ts'

const PAGE = 4096
const RECORDS = 2000
const TEXT = 'some words that a record has. '.repeat(10)

/** A journal with many records, closed. */
async function makeJournal(): Promise<JournalFolder> {
  const folder = await JournalFolder.make()
  await folder.keep(RECORDS, { text: TEXT })
  return folder
}

async function overwrite(file: string, position: number, bytes: Buffer): Promise<void> {
  await using handle = await open(file, 'r+')
  await handle.write(bytes, 0, bytes.length, position)
}

async function middle(file: string): Promise<number> {
  return Math.floor((await stat(file)).size / 2 / PAGE) * PAGE
}

const WAYS: Readonly<Record<string, (file: string) => Promise<void>>> = {
  'is cut off in the middle': async (file) => truncate(file, await middle(file)),
  'is cut off inside its first page': (file) => truncate(file, 100),
  'is cut off at once': (file) => truncate(file, 0),
  'is gone': (file) => rm(file),
  'has other bytes at the head of a page': async (file) => overwrite(file, await middle(file), Buffer.alloc(64, 0xa5)),
  'has other bytes in place of many pages': async (file) =>
    overwrite(file, await middle(file), Buffer.alloc(20 * PAGE, 0xa5)),
  'has other bytes at its own head': (file) => overwrite(file, 0, Buffer.alloc(64, 0xa5)),
  'has a flipped bit in the record of what runs': async (file) => {
    const bytes = await readFile(file)
    const record = '"executionId":"id-7"'
    // Pages that were split may hold it more than once.
    for (let at = bytes.indexOf(record); at >= 0; at = bytes.indexOf(record, at + 1)) {
      await overwrite(file, at, Buffer.from('#'))
    }
  },
  'is something else': (file) => writeFile(file, 'not a database, but long enough to be taken for one'.repeat(100)),
}

describe('F20: a journal whose file', () => {
  for (const [way, damage] of Object.entries(WAYS)) {
    test(`${way} is refused with advice and left alone; its repair loses no more than what is damaged`, async () => {
      await using folder = await makeJournal()
      await damage(folder.file)
      const before = await readFile(folder.file).catch(() => undefined)
      await assert.rejects(folder.open(), { code: 'storage_error', message: /damaged .*errand repair/ })
      assert.deepEqual(await readFile(folder.file).catch(() => undefined), before)

      const repair = new SqliteRepair<Note>(folder.file)
      assert.notEqual(repair.findDamage(), undefined)
      const aside = await repair.putAside()
      const { entries, unreadable } = repair.salvage()
      await repair.replace(entries)
      if (aside !== undefined) assert.deepEqual(await readFile(aside), before)
      assert.equal(repair.findDamage(), undefined)
      assert.equal(unreadable === undefined, entries.length === 0)
      if (way.startsWith('has other bytes at the head') || way.includes('flipped')) {
        assert.ok(entries.length > RECORDS - 100, `${entries.length}`)
      }
      await using journal = await folder.open()
      assert.equal((await journal.unsettled('one')).length, entries.length)
      for (const { record } of entries) assert.equal(record.text, TEXT)
      await journal.insert(note('new'))
    })
  }

  test('is sound is not repaired', async () => {
    await using folder = await makeJournal()
    assert.equal(new SqliteRepair<Note>(folder.file).findDamage(), undefined)
  })
})

/** Copies of the files of a journal that is open, as a power cut would leave them. */
async function cutPower(count: number): Promise<JournalFolder> {
  await using folder = await JournalFolder.make()
  const left = await JournalFolder.make()
  await folder.keep(1)
  await using journal = await folder.open()
  for (let index = 0; index < count; index += 1) await journal.insert(note(`late-${index}`, { text: TEXT }))
  for (const ending of ['', '-wal', '.reserve']) await copyFile(folder.file + ending, left.file + ending)
  return left
}

describe('F20: a write-ahead log that', () => {
  test('was left whole is played in', async () => {
    await using folder = await cutPower(50)
    await using journal = await folder.open()
    assert.equal((await journal.unsettled('one')).length, 51)
  })

  test('is torn counts up to its last whole commit', async () => {
    await using folder = await cutPower(50)
    const wal = `${folder.file}-wal`
    await truncate(wal, (await stat(wal)).size - PAGE - 100)
    await using journal = await folder.open()
    const ids = (await journal.unsettled('one')).map(({ executionId }) => executionId)
    assert.ok(ids.length > 40 && ids.length < 51, `${ids.length}`)
    assert.deepEqual(ids, ['id-0', ...ids.slice(1).map((_, index) => `late-${index}`)])
  })

  test('is empty takes nothing along that the file had', async () => {
    await using folder = await cutPower(50)
    await truncate(`${folder.file}-wal`, 0)
    await using journal = await folder.open()
    assert.equal((await journal.find('one', 'id-0'))?.executionId, 'id-0')
  })
})
