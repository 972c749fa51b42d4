import type { TestEvent } from 'node:test/reporters'

/** Ends a test run with one plain line of totals, readable by any CI. */
export default async function* totals(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:summary' || event.data.file !== undefined) continue
    const { tests, passed, skipped, todo } = event.data.counts
    yield `${passed} passed, ${tests - passed - skipped - todo} failed, ${skipped} skipped\n`
  }
}
