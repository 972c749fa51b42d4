import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ErrandError } from '../../src/core/errors.ts'
import { type Note, note } from '../../src/journal/conformance.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { JOURNAL_FILE, SqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import { SmallDisk } from '../support/small-disk.ts'

const DISK_MIB = 64
const RESERVE_BYTES = 32 * 2 ** 20
/** Large, so that a full disk is soon seen. */
const LONG = 'x'.repeat(200_000)

function open(disk: SmallDisk): Promise<SqliteJournal<Note>> {
  return SqliteJournal.open<Note>(join(disk.path, JOURNAL_FILE))
}

/** Keeps records until one is refused, and tells those that were kept. */
async function insertUntilFull(journal: Journal<Note>): Promise<string[]> {
  const kept: string[] = []
  for (let index = 0; index < 1000; index += 1) {
    try {
      await journal.insert(note(`until-full-${index}`, { text: LONG }))
      kept.push(`until-full-${index}`)
    } catch (error) {
      assert.ok(error instanceof ErrandError && error.code === 'storage_full', String(error))
      assert.ok(error.retryAfterMs !== undefined)
      return kept
    }
  }
  return assert.fail('the disk did not fill up')
}

async function reserveBytes(disk: SmallDisk): Promise<number> {
  return (await stat(join(disk.path, `${JOURNAL_FILE}.reserve`))).size
}

describe('F18: a journal on a full disk', () => {
  test('takes nothing new, settles and reads what it has, and recovers by itself', async () => {
    await using disk = await SmallDisk.mount(DISK_MIB)
    await using journal = await open(disk)
    const running = Array.from({ length: 50 }, (_, index) => `running-${index}`)
    for (const id of running) await journal.insert(note(id, { status: 'running' }), { key: id, digest: 'd' })
    await disk.fill()
    const kept = await insertUntilFull(journal)
    const results = await Promise.allSettled([
      ...running.map((id) => journal.save(note(id, { status: 'succeeded', text: LONG }))),
      journal.insert(note('new')),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      [...running.map(() => 'fulfilled'), 'rejected'],
    )
    assert.equal((await journal.find('one', 'running-7'))?.status, 'succeeded')
    assert.equal((await journal.page('one', { limit: 1000 })).records.length, running.length + kept.length)
    assert.equal((await journal.insert(note('again'), { key: 'running-7', digest: 'd' }))?.executionId, 'running-7')
    await journal.remove('one', 'running-8')
    await assert.rejects(journal.insert(note('new')), { code: 'storage_full' })

    await disk.free()
    await journal.insert(note('new'))
    assert.equal(await reserveBytes(disk), RESERVE_BYTES)
    for (const id of kept) assert.equal((await journal.find('one', id))?.text, LONG)
  })

  test('says so to whoever changes something once the reserve is used up too, and loses nothing', async () => {
    await using disk = await SmallDisk.mount(DISK_MIB)
    await using journal = await open(disk)
    await journal.insert(note('a', { text: 'first' }))
    await disk.fill()
    const last = await changeUntilFull(journal)
    assert.equal((await journal.find('one', 'a'))?.text, last)
    await disk.free()
    await journal.save(note('a', { status: 'failed' }))
  })

  test('opens again, and goes on as it was', async () => {
    await using disk = await SmallDisk.mount(DISK_MIB)
    {
      await using journal = await open(disk)
      await journal.insert(note('a', { status: 'running' }))
      await disk.fill()
      await insertUntilFull(journal)
    }
    await disk.fill()
    await using journal = await open(disk)
    await assert.rejects(journal.insert(note('new')), { code: 'storage_full' })
    assert.equal((await journal.find('one', 'a'))?.status, 'running')
    await disk.free()
    await journal.save(note('a', { status: 'succeeded' }))
    await journal.insert(note('new'))
  })
})

/** Tells the last text that was kept. */
async function changeUntilFull(journal: Journal<Note>): Promise<string> {
  let last = 'first'
  for (let index = 0; index < 1000; index += 1) {
    const text = `${index} ${LONG.repeat(index + 1)}`
    try {
      await journal.save(note('a', { text }))
      last = text
    } catch (error) {
      assert.ok(error instanceof ErrandError && error.code === 'storage_full', String(error))
      return last
    }
  }
  return assert.fail('the reserve was not used up')
}
