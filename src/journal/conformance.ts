import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import type { ExecutionStatus } from '../core/execution.ts'
import type { Journal, JournalEnd, JournalEvent, JournalRecord } from './journal.ts'

export interface Note extends JournalRecord {
  readonly text: string
}

/** A record for tests. */
export function note(executionId: string, changes: Partial<Note> = {}): Note {
  const times = { acceptedMs: 1000 }
  return { executorId: 'one', executionId, callerId: 'me', status: 'accepted', times, text: '', ...changes }
}

/** Registers the tests that every journal passes. Call it at the top of a test file. */
export function testJournal(name: string, open: () => Promise<Journal<Note>>): void {
  describe(`the journal ${name}`, () => {
    for (const [title, run] of Object.entries({ ...RECORDS, ...KEYS, ...PAGES, ...ENDS, ...FILTERS, ...EVENTS })) {
      test(title, async () => {
        await using journal = await open()
        await run(journal)
      })
    }
  })
}

type JournalTest = (journal: Journal<Note>) => Promise<void>

async function refused(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error) => error instanceof ErrandError && error.code === code)
}

const RECORDS: Record<string, JournalTest> = {
  async 'finds what was inserted, and nothing else'(journal) {
    const first = note('a', { text: 'ä\0"\n', reason: 'oom', times: { acceptedMs: 5, endedMs: 7 } })
    assert.equal(await journal.insert(first), undefined)
    assert.deepEqual(await journal.find('one', 'a'), first)
    assert.equal(await journal.find('one', 'b'), undefined)
    assert.equal(await journal.find('two', 'a'), undefined)
  },

  async 'takes each id once per executor, also when many race'(journal) {
    const race = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => journal.insert(note('a', { text: `${index}` }))),
    )
    const winners = race.flatMap(({ status }, index) => (status === 'fulfilled' ? [`${index}`] : []))
    assert.equal(winners.length, 1)
    await refused(journal.insert(note('a', { text: 'late' })), 'already_exists')
    await journal.insert(note('a', { executorId: 'two' }))
    assert.equal((await journal.find('one', 'a'))?.text, winners[0])
  },

  async 'replaces what is there, and refuses to replace what is not'(journal) {
    await journal.insert(note('a', { text: 'before' }))
    await journal.save(note('a', { text: 'after' }))
    assert.equal((await journal.find('one', 'a'))?.text, 'after')
    await refused(journal.save(note('b')), 'not_found')
  },

  async 'keeps changes of one record in the order in which they were asked for'(journal) {
    await journal.insert(note('a'))
    await Promise.all(Array.from({ length: 100 }, (_, index) => journal.save(note('a', { text: `${index}` }))))
    assert.equal((await journal.find('one', 'a'))?.text, '99')
  },

  async 'tells what has not come to its last word, in the order of insertion'(journal) {
    for (const id of ['c', 'a', 'b']) await journal.insert(note(id))
    await journal.insert(note('x', { executorId: 'two' }))
    await journal.save(note('c', { status: 'running' }))
    await journal.save(note('a', { status: 'failed' }))
    const ids = (await journal.unsettled('one')).map(({ executionId }) => executionId)
    assert.deepEqual(ids, ['c', 'b'])
    assert.deepEqual(await journal.unsettled('three'), [])
  },

  async 'forgets what was removed, whose id can be taken again'(journal) {
    await journal.insert(note('a'))
    await journal.remove('one', 'a')
    await journal.remove('one', 'a')
    assert.equal(await journal.find('one', 'a'), undefined)
    await journal.insert(note('a', { text: 'again' }))
    assert.equal((await journal.find('one', 'a'))?.text, 'again')
  },
}

const KEYS: Record<string, JournalTest> = {
  async 'a key that is used again stands for the first execution'(journal) {
    const key = { key: 'k', digest: 'd' }
    assert.equal(await journal.insert(note('a', { text: 'first' }), key), undefined)
    assert.equal((await journal.insert(note('b'), key))?.executionId, 'a')
    assert.equal((await journal.findByKey('one', 'me', key))?.executionId, 'a')
    assert.equal(await journal.findByKey('one', 'you', key), undefined)
    await refused(journal.findByKey('one', 'me', { key: 'k', digest: 'other' }), 'key_conflict')
    assert.equal(await journal.find('one', 'b'), undefined)
    await journal.save(note('a', { text: 'changed' }))
    assert.equal((await journal.insert(note('c'), key))?.text, 'changed')
  },

  async 'a key that is used a hundred times at once makes one execution'(journal) {
    const key = { key: 'k', digest: 'd' }
    const inserts = Array.from({ length: 100 }, (_, index) => journal.insert(note(`id-${index}`), key))
    const answers = await Promise.all(inserts)
    assert.equal(answers.filter((answer) => answer === undefined).length, 1)
    const kept = new Set(answers.flatMap((answer) => (answer === undefined ? [] : [answer.executionId])))
    assert.equal(kept.size, 1)
    assert.equal((await journal.unsettled('one')).length, 1)
  },

  async 'a key for another request is refused; another caller has keys of its own'(journal) {
    await journal.insert(note('a'), { key: 'k', digest: 'd' })
    await refused(journal.insert(note('b'), { key: 'k', digest: 'other' }), 'key_conflict')
    assert.equal(await journal.insert(note('c', { callerId: 'you' }), { key: 'k', digest: 'other' }), undefined)
    await journal.remove('one', 'a')
    assert.equal(await journal.insert(note('d'), { key: 'k', digest: 'other' }), undefined)
  },
}

const PAGES: Record<string, JournalTest> = {
  async 'pages go from the youngest to the oldest, each record once, whatever is inserted meanwhile'(journal) {
    for (let index = 0; index < 7; index += 1) await journal.insert(note(`id-${index}`))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await journal.page('one', { limit: 3, ...(cursor !== undefined && { cursor }) })
      seen.push(...page.records.map(({ executionId }) => executionId))
      cursor = page.cursor
      await journal.insert(note(`late-${seen.length}`))
    } while (cursor !== undefined)
    assert.deepEqual(seen, ['id-6', 'id-5', 'id-4', 'id-3', 'id-2', 'id-1', 'id-0'])
  },

  async 'a page holds what was asked for only'(journal) {
    await journal.insert(note('a'))
    await journal.insert(note('b', { callerId: 'you' }))
    await journal.insert(note('c', { status: 'failed' }))
    const idsOf = async (query: object): Promise<string[]> =>
      (await journal.page('one', { limit: 10, ...query })).records.map(({ executionId }) => executionId)
    assert.deepEqual(await idsOf({ callerId: 'you' }), ['b'])
    assert.deepEqual(await idsOf({ statuses: ['failed'] }), ['c'])
    assert.deepEqual(await idsOf({ statuses: ['accepted'], callerId: 'me' }), ['a'])
    assert.deepEqual(await idsOf({ statuses: ['accepted', 'failed', 'lost'] }), ['c', 'b', 'a'])
    assert.deepEqual(await idsOf({ statuses: ['accepted', 'failed'], limit: 2 }), ['c', 'b'])
    assert.deepEqual(await idsOf({ statuses: [] }), [])
    assert.deepEqual((await journal.page('two', { limit: 10 })).records, [])
    await refused(journal.page('one', { limit: 10, cursor: 'x' }), 'validation_failed')
  },
}

const ENDS: Record<string, JournalTest> = {
  async 'tells of those that have ended when they may go, in the order of insertion, page by page'(journal) {
    const ended = (endedMs: number): Partial<Note> => ({ status: 'failed', times: { acceptedMs: 1, endedMs } })
    await journal.insert(note('a', ended(9)))
    await journal.insert(note('b'))
    const asked = { retentionMs: 5, persistLogsMs: 2, webhook: { url: 'x' } }
    await journal.insert(note('c', { ...ended(8), request: asked }))
    await journal.insert(note('d', { ...ended(7), request: asked, terms: { retentionMs: 6 }, webhook: {} }))
    await journal.insert(note('e', { status: 'lost' }))
    await journal.insert(note('f', { ...ended(7), executorId: 'two' }))
    const expected = [
      { executionId: 'a', endedMs: 9, isUntold: false },
      { executionId: 'c', endedMs: 8, retentionMs: 5, persistLogsMs: 2, isUntold: true },
      { executionId: 'd', endedMs: 7, retentionMs: 6, persistLogsMs: 2, isUntold: false },
      { executionId: 'e', isUntold: false },
    ]
    for (const limit of [1, 2, 4, 100]) {
      const found: JournalEnd[] = []
      let cursor: string | undefined
      do {
        const page = await journal.ends('one', limit, cursor)
        found.push(...page.ends)
        cursor = page.cursor
      } while (cursor !== undefined)
      assert.deepEqual(found, expected)
    }
  },
}

const FILTERS: Record<string, JournalTest> = {
  async 'a page is of one job, of all labels that are named, and of a span of time'(journal) {
    const labelled = (labels: Record<string, string>): Partial<Note> => ({ request: { labels } })
    const at = (acceptedMs: number): Partial<Note> => ({ times: { acceptedMs } })
    await journal.insert(note('a', { ...labelled({ team: 'x', size: '1' }), ...at(100), jobId: 'one' }))
    await journal.insert(note('b', { ...labelled({ team: 'x', size: '2' }), ...at(300), jobId: 'two' }))
    // Somebody has set the clock back.
    await journal.insert(note('c', { ...labelled({ team: 'y', __proto__: 'z' }), ...at(200), jobId: 'two' }))
    await journal.insert(note('d', { ...labelled({ team: 'x' }), ...at(300), callerId: 'you', status: 'failed' }))
    const cases: readonly [object, readonly string[]][] = [
      [{ jobId: 'two' }, ['c', 'b']],
      [{ jobId: 'none' }, []],
      [{ labels: { team: 'x' } }, ['d', 'b', 'a']],
      [{ labels: { team: 'x', size: '2' } }, ['b']],
      [{ labels: { team: 'x' }, callerId: 'you' }, ['d']],
      [{ labels: { team: 'x' }, statuses: ['failed', 'accepted'], sinceMs: 300 }, ['d', 'b']],
      [{ labels: { team: "x' OR 1" } }, []],
      [{ labels: { nope: 'x' } }, []],
      [{ labels: {} }, ['d', 'c', 'b', 'a']],
      [{ sinceMs: 200 }, ['d', 'c', 'b']],
      [{ untilMs: 200 }, ['a']],
      [{ sinceMs: 200, untilMs: 300 }, ['c']],
      [{ callerId: 'me', untilMs: 300 }, ['c', 'a']],
      [{ jobId: 'two', sinceMs: 300, statuses: ['accepted'] }, ['b']],
    ]
    for (const [query, ids] of cases) {
      for (const limit of [1, 10]) assert.deepEqual(await idsOf(journal, query, limit), ids, JSON.stringify(query))
    }
    await journal.save(note('a', { ...labelled({ team: 'x', size: '1' }), ...at(100), jobId: 'one', status: 'lost' }))
    assert.deepEqual(await idsOf(journal, { labels: { size: '1' }, statuses: ['lost'] }, 10), ['a'])
    await journal.remove('one', 'a')
    assert.deepEqual(await idsOf(journal, { labels: { size: '1' } }, 10), [])
  },
}

/** Of all pages. */
async function idsOf(journal: Journal<Note>, query: object, limit: number): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await journal.page('one', { ...query, limit, ...(cursor !== undefined && { cursor }) })
    ids.push(...page.records.map(({ executionId }) => executionId))
    cursor = page.cursor
  } while (cursor !== undefined)
  return ids
}

const EVENTS: Record<string, JournalTest> = {
  async 'every new status is an event, kept in order and told once'(journal) {
    const told: JournalEvent[] = []
    using _listening = journal.onEvent((event) => told.push(event))
    await journal.insert(note('a'))
    for (const status of ['queued', 'queued', 'cancelled'] as const) await journal.save(note('a', { status }))
    const kept = await journal.events('one', 0, 100)
    const statuses: ExecutionStatus[] = kept.map(({ status }) => status)
    assert.deepEqual(statuses, ['accepted', 'queued', 'cancelled'])
    assert.deepEqual(told, kept)
    assert.ok(kept.every(({ seq }, index) => index === 0 || seq > (kept[index - 1]?.seq ?? 0)))
    const rest = await journal.events('one', kept[0]?.seq ?? 0, 1)
    assert.deepEqual(
      rest.map(({ status }) => status),
      ['queued'],
    )
    assert.deepEqual(await journal.events('two', 0, 100), [])
  },
}
