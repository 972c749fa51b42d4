import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { note } from '../conformance.ts'
import { JournalFolder } from './journal-folder.fixture.ts'

const KEY = { key: 'k', digest: 'd' }

describe('the adoption of all records', () => {
  test('keeps the name that is given where there are none', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    assert.equal(await journal.adopt('one'), 'one')
  })

  test('keeps the name that they have, whatever is given', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    await journal.insert(note('a'))
    assert.equal(await journal.adopt('two'), 'one')
    assert.deepEqual(await journal.find('one', 'a'), note('a'))
  })

  test('brings them under the youngest name, with their keys, labels and events', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    const old = note('a', { request: { labels: { k: 'v' } } })
    await journal.insert(old, KEY)
    await journal.insert(note('b', { executorId: 'two' }))
    assert.equal(await journal.adopt('three'), 'two')
    const moved = { ...old, executorId: 'two' }
    assert.deepEqual(await journal.findByKey('two', 'me', KEY), moved)
    assert.deepEqual((await journal.page('two', { limit: 10, labels: { k: 'v' } })).records, [moved])
    assert.deepEqual(
      (await journal.unsettled('two')).map(({ executionId }) => executionId),
      ['a', 'b'],
    )
    assert.equal((await journal.events('two', 0, 10)).length, 2)
    await journal.save({ ...moved, text: 'changed' })
    assert.equal((await journal.find('two', 'a'))?.text, 'changed')
  })

  test('of two of one id shows the youngest name, and not the key of the other', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    await journal.insert(note('a', { text: 'old' }), KEY)
    await journal.insert(note('a', { executorId: 'two', text: 'new' }))
    assert.equal(await journal.adopt('two'), 'two')
    assert.equal((await journal.find('two', 'a'))?.text, 'new')
    assert.equal(await journal.findByKey('two', 'me', KEY), undefined)
  })
})
