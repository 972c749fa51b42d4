import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JournalEvent } from '../../journal/journal.ts'
import { eventsSince, FORGOTTEN } from './event-feed.ts'

/** Keeps the newest few, and tells of each. */
class Events {
  readonly #listeners = new Set<(event: JournalEvent) => void>()
  #kept: JournalEvent[] = []
  largestRead = 0

  add(...seqs: readonly number[]): void {
    for (const seq of seqs) {
      const event: JournalEvent = { seq, atMs: 0, executionId: 'e', callerId: 'c', status: 'running' }
      this.#kept.push(event)
      for (const listener of this.#listeners) listener(event)
    }
  }

  forget(untilSeq: number): void {
    this.#kept = this.#kept.filter(({ seq }) => seq > untilSeq)
  }

  async events(seq: number, limit: number): Promise<JournalEvent[]> {
    const found = this.#kept.filter((event) => event.seq > seq).slice(0, limit)
    this.largestRead = Math.max(this.largestRead, found.length)
    return found
  }

  onEvent(listener: (event: JournalEvent) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  get listeners(): number {
    return this.#listeners.size
  }
}

const FOREVER = new AbortController().signal

async function take(
  feed: AsyncGenerator<JournalEvent | typeof FORGOTTEN>,
  count: number,
): Promise<(number | string)[]> {
  const taken: (number | string)[] = []
  while (taken.length < count) {
    const { value } = await feed.next()
    taken.push(value === FORGOTTEN ? FORGOTTEN : value.seq)
  }
  return taken
}

test('a reader gets what comes from now on; what was before is not for it', async () => {
  const events = new Events()
  events.add(1, 2)
  const feed = eventsSince(events, undefined, FOREVER)
  const first = take(feed, 2)
  events.add(5)
  events.add(6)
  assert.deepEqual(await first, [5, 6])
})

test('a reader that comes again gets all since, and nothing twice', async () => {
  const events = new Events()
  events.add(1, 2, 4, 7)
  const feed = eventsSince(events, 2, FOREVER)
  assert.deepEqual(await take(feed, 2), [4, 7])
  events.add(8)
  assert.deepEqual(await take(feed, 1), [8])
  assert.deepEqual(await take(eventsSince(events, 0, FOREVER), 2), [1, 2])
})

test('what was forgotten since is told before the rest', async () => {
  const events = new Events()
  events.add(1, 2, 3, 4)
  events.forget(2)
  assert.deepEqual(await take(eventsSince(events, 2, FOREVER), 3), [FORGOTTEN, 3, 4])
  assert.deepEqual(await take(eventsSince(events, 3, FOREVER), 1), [4])
})

test('a place that never was is told, and then what comes', async () => {
  const events = new Events()
  events.add(1, 2)
  const feed = eventsSince(events, 99, FOREVER)
  assert.deepEqual(await take(feed, 1), [FORGOTTEN])
  events.add(3)
  assert.deepEqual(await take(feed, 1), [3])
})

test('a reader that is slower than events are forgotten is told so in the middle, and holds a batch at most', async () => {
  const events = new Events()
  const many = Array.from({ length: 2000 }, (_, index) => index + 1)
  events.add(...many)
  const feed = eventsSince(events, 1, FOREVER)
  assert.deepEqual(await take(feed, 100), many.slice(1, 101))
  events.forget(1000)
  const rest = await take(feed, 156 + 1 + 1000)
  assert.deepEqual(rest, [...many.slice(101, 257), FORGOTTEN, ...many.slice(1000)])
  assert.equal(events.largestRead, 257)
})

test('an end by the signal leaves no listener', async () => {
  const events = new Events()
  const controller = new AbortController()
  const feed = eventsSince(events, undefined, controller.signal)
  const next = feed.next()
  const reason = new Error('left')
  controller.abort(reason)
  await assert.rejects(next, reason)
  assert.equal(events.listeners, 0)
})
