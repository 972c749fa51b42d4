import type { LogStream } from './extent.ts'
import { LogCursor } from './log-cursor.ts'
import type { LogEntry } from './log-entry.ts'
import type { SegmentStore } from './segment-store.ts'

const LINE_FEED = 10

/** A place between two bytes of a log. */
export interface LogPlace {
  readonly seq: number
  /** Bytes of that entry before it. */
  readonly offset: number
}

/** Where the last `count` lines begin of what is kept before `untilSeq`: of one stream, or of both as they came. */
export async function findTail(
  store: SegmentStore,
  count: number,
  untilSeq: number,
  stream: LogStream | undefined,
): Promise<LogPlace> {
  if (count <= 0) return { seq: untilSeq, offset: 0 }
  let feeds = count
  let end = untilSeq
  let isLast = true
  for (const { start } of store.segments.toReversed()) {
    const entries = () => entriesBetween(store, start.nextSeq, end, stream)
    const found = await countFeeds(entries())
    // The line feed that ends the last line does not begin one.
    if (isLast && found.last === LINE_FEED) feeds += 1
    if (found.feeds >= feeds) return placeAfterFeed(entries(), found.feeds - feeds + 1, end)
    isLast &&= found.last === undefined
    feeds -= found.feeds
    end = Math.min(end, start.nextSeq)
  }
  return { seq: 1, offset: 0 }
}

async function* entriesBetween(
  store: SegmentStore,
  seq: number,
  untilSeq: number,
  stream: LogStream | undefined,
): AsyncIterable<LogEntry> {
  await using cursor = new LogCursor(store, seq, stream)
  for (let batch = await cursor.next(); batch !== undefined; batch = await cursor.next()) {
    for (const entry of batch) {
      if (entry.seq >= untilSeq) return
      yield entry
    }
  }
}

/** Counts line feeds, and tells the last byte. */
async function countFeeds(entries: AsyncIterable<LogEntry>): Promise<{ feeds: number; last: number | undefined }> {
  let feeds = 0
  let last: number | undefined
  for await (const { data } of entries) {
    for (let at = data.indexOf(LINE_FEED); at >= 0; at = data.indexOf(LINE_FEED, at + 1)) feeds += 1
    last = data.at(-1) ?? last
  }
  return { feeds, last }
}

async function placeAfterFeed(entries: AsyncIterable<LogEntry>, count: number, endSeq: number): Promise<LogPlace> {
  let left = count
  for await (const { seq, data } of entries) {
    for (let at = data.indexOf(LINE_FEED); at >= 0; at = data.indexOf(LINE_FEED, at + 1)) {
      left -= 1
      if (left === 0) return { seq, offset: at + 1 }
    }
  }
  // Given up meanwhile.
  return { seq: endSeq, offset: 0 }
}
