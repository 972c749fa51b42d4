import { join } from 'node:path'
import type { Journal, PageQuery } from '../../src/journal/journal.ts'
import type { Row } from '../measurement.ts'
import { BenchFolder, type BenchRecord, benchRecord, openJournal } from '../support/journal.ts'
import { interleave, median, percentile, spread } from '../support/statistics.ts'

const RECORDS = 100_000
const PAGE = 100

/** How long one page of a long list takes, wherever in the list it is. */
export const listing: Row = {
  name: 'P19',
  title: 'a page of many executions',
  async measure({ dist, isQuick, signal, say }) {
    await using folder = await BenchFolder.make()
    await using journal = await openJournal(dist, join(folder.path, 'journal.db'))
    say(`${RECORDS} records are made`)
    await fill(journal, signal)
    const count = isQuick ? 100 : 1000
    const time = (query: Partial<PageQuery>) => async (): Promise<number> =>
      percentile(await timePages(journal, query, count, signal), 99)
    const passes = await interleave(isQuick ? 1 : 5, {
      all: time({}),
      'of one caller': time({ callerId: 'me' }),
      'of one status': time({ statuses: ['failed'] }),
      'of three statuses': time({ statuses: ['succeeded', 'failed', 'lost'] }),
    })
    return Object.entries(passes).map(([what, values]) => ({
      row: 'P19',
      what: `${PAGE} of ${RECORDS}, ${what}, p99`,
      unit: 'ms' as const,
      value: median(values),
      spread: spread(values),
      bound: { of: 'value', sense: 'at most', must: 10, moonshot: 3 } as const,
    }))
  },
}

async function fill(journal: Journal<BenchRecord>, signal: AbortSignal): Promise<void> {
  for (let made = 0; made < RECORDS; made += 1000) {
    signal.throwIfAborted()
    const ids = Array.from({ length: 1000 }, (_, index) => made + index)
    await Promise.all(ids.map((id) => journal.insert(benchRecord(`id-${id}`, id % 10 === 0 ? 'failed' : 'succeeded'))))
  }
}

/** Pages one after the other, from the youngest on, and from there again. */
async function timePages(
  journal: Journal<BenchRecord>,
  query: Partial<PageQuery>,
  count: number,
  signal: AbortSignal,
): Promise<number[]> {
  const times: number[] = []
  let cursor: string | undefined
  while (times.length < count) {
    signal.throwIfAborted()
    const startedMs = performance.now()
    const page = await journal.page('bench', { ...query, limit: PAGE, ...(cursor !== undefined && { cursor }) })
    times.push(performance.now() - startedMs)
    if (page.records.length !== PAGE) throw new Error(`a page has ${page.records.length} records`)
    cursor = page.cursor
  }
  return times
}
