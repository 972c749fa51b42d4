import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import type { Journal, JournalRecord } from './journal.ts'

interface Note extends JournalRecord {
  readonly text: string
}

/** Registers the tests that every journal passes. Call it at the top of a test file. */
export function testJournal(name: string, open: () => Promise<Journal<Note>>): void {
  const note = (executionId: string, text = '', executorId = 'one'): Note => ({ executorId, executionId, text })
  const refused = async (work: Promise<unknown>, code: string): Promise<void> => {
    await assert.rejects(work, (error) => error instanceof ErrandError && error.code === code)
  }

  describe(`the journal ${name}`, () => {
    test('finds what was inserted, and nothing else', async () => {
      await using journal = await open()
      await journal.insert(note('a', 'first'))
      assert.deepEqual(await journal.find('one', 'a'), note('a', 'first'))
      assert.equal(await journal.find('one', 'b'), undefined)
      assert.equal(await journal.find('two', 'a'), undefined)
    })

    test('takes each id once per executor, also when many race', async () => {
      await using journal = await open()
      const race = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) => journal.insert(note('a', `${index}`))),
      )
      assert.equal(race.filter(({ status }) => status === 'fulfilled').length, 1)
      await refused(journal.insert(note('a', 'late')), 'already_exists')
      await journal.insert(note('a', 'of another', 'two'))
      assert.equal(
        (await journal.find('one', 'a'))?.text,
        String(race.findIndex(({ status }) => status === 'fulfilled')),
      )
    })

    test('replaces what is there, and refuses to replace what is not', async () => {
      await using journal = await open()
      await journal.insert(note('a', 'before'))
      await journal.save(note('a', 'after'))
      assert.equal((await journal.find('one', 'a'))?.text, 'after')
      await refused(journal.save(note('b')), 'not_found')
    })

    test('lists one executor in the order of insertion, whatever was changed since', async () => {
      await using journal = await open()
      for (const id of ['c', 'a', 'b']) await journal.insert(note(id))
      await journal.insert(note('x', '', 'two'))
      await journal.save(note('c', 'changed'))
      assert.deepEqual(
        (await journal.list('one')).map(({ executionId }) => executionId),
        ['c', 'a', 'b'],
      )
      assert.deepEqual(await journal.list('three'), [])
    })

    test('forgets what was removed, whose id can be taken again', async () => {
      await using journal = await open()
      await journal.insert(note('a'))
      await journal.remove('one', 'a')
      await journal.remove('one', 'a')
      assert.equal(await journal.find('one', 'a'), undefined)
      await journal.insert(note('a', 'again'))
      assert.equal((await journal.list('one')).length, 1)
    })
  })
}
