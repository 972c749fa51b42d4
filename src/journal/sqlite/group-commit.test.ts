import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import type { ErrandError } from '../../core/errors.ts'
import { note } from '../conformance.ts'
import { JournalFolder } from './journal-folder.fixture.ts'

const MIB = 2 ** 20

describe('changes that share a commit', () => {
  test('are told in the order in which they were asked for', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    const told: string[] = []
    using _listening = journal.onEvent(({ executionId, status }) => told.push(`${executionId} ${status}`))
    const asked = Array.from({ length: 50 }, (_, index) => `id-${index}`)
    await Promise.all(asked.flatMap((id) => [journal.insert(note(id)), journal.save(note(id, { status: 'queued' }))]))
    assert.deepEqual(
      told,
      asked.flatMap((id) => [`${id} accepted`, `${id} queued`]),
    )
  })

  test('are kept although one among them cannot be', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    const wrong = { ...note('wrong'), times: { acceptedMs: 0.5 } }
    const results = await Promise.allSettled([
      ...Array.from({ length: 20 }, (_, index) => journal.insert(note(`id-${index}`))),
      journal.insert(wrong),
      journal.save(note('id-3', { text: 'changed' })),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      [...Array<string>(20).fill('fulfilled'), 'rejected', 'fulfilled'],
    )
    assert.equal((await journal.find('one', 'id-3'))?.text, 'changed')
    assert.equal(await journal.find('one', 'wrong'), undefined)
  })

  test('are kept although one among them is no value that JSON can carry', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    const wrong = { ...note('wrong'), text: 1n as unknown as string }
    const [first, second, third] = await Promise.allSettled([
      journal.insert(note('a')),
      journal.insert(wrong),
      journal.insert(note('b')),
    ])
    assert.deepEqual([first.status, second.status, third.status], ['fulfilled', 'rejected', 'fulfilled'])
  })

  test('go to the disk in several commits when they are large', async () => {
    await using folder = await JournalFolder.make()
    const [[thread], journal] = await Promise.all([once(process, 'worker') as Promise<[Worker]>, folder.open()])
    await using _journal = journal
    let commits = 0
    thread.on('message', () => {
      commits += 1
    })
    const text = 'x'.repeat(MIB)
    await Promise.all(Array.from({ length: 10 }, (_, index) => journal.insert(note(`id-${index}`, { text }))))
    assert.equal(commits, 5)
    assert.equal((await journal.unsettled('one')).length, 10)
  })

  test('a hundred thousand of them wait without a copy of each', async () => {
    await using folder = await JournalFolder.make()
    await using journal = await folder.open()
    const text = 'x'.repeat(10_000)
    const before = process.memoryUsage()
    const inserts = Array.from({ length: 100_000 }, (_, index) => journal.insert(note(`id-${index}`, { text })))
    let most = 0
    for (const insert of inserts) {
      await insert
      most = Math.max(most, process.memoryUsage.rss())
    }
    // One copy of each would be 1,000 MB beside the 100,000 promises, which take some 300 whatever is in the records.
    const grownMib = (most - before.rss) / MIB
    assert.ok(grownMib < 600, `grew by ${Math.round(grownMib)} MiB`)
  })
})

describe('a journal whose thread is gone', () => {
  test('rejects what waits and what comes, says so once, and stays failed', async () => {
    await using folder = await JournalFolder.make()
    const failures: ErrandError[] = []
    const opening = folder.open({ onFailure: (error) => failures.push(error) })
    const [[thread], journal] = await Promise.all([once(process, 'worker') as Promise<[Worker]>, opening])
    await journal.insert(note('kept'))
    const waiting = Promise.allSettled(Array.from({ length: 100 }, (_, index) => journal.insert(note(`id-${index}`))))
    await thread.terminate()
    const codes = (await waiting).map((result) => (result.status === 'rejected' ? result.reason.code : 'kept'))
    assert.deepEqual(new Set(codes), new Set(['storage_error']))
    await assert.rejects(journal.find('one', 'kept'), { code: 'storage_error' })
    assert.equal(failures.length, 1)
    await journal[Symbol.asyncDispose]()
    await using again = await folder.open()
    assert.equal((await again.find('one', 'kept'))?.executionId, 'kept')
  })

  test('is not taken for a failed one when it was closed', async () => {
    await using folder = await JournalFolder.make()
    const failures: ErrandError[] = []
    const journal = await folder.open({ onFailure: (error) => failures.push(error) })
    await journal[Symbol.asyncDispose]()
    assert.deepEqual(failures, [])
  })
})
