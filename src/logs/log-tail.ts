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
    feeds += feedsIn(data)
    last = data.at(-1) ?? last
  }
  return { feeds, last }
}

async function placeAfterFeed(entries: AsyncIterable<LogEntry>, count: number, endSeq: number): Promise<LogPlace> {
  let left = count
  for await (const { seq, data } of entries) {
    const feeds = feedsIn(data)
    if (feeds >= left) return { seq, offset: afterFeed(data, left) }
    left -= feeds
  }
  // Given up meanwhile.
  return { seq: endSeq, offset: 0 }
}

/** Byte by byte: a call of `indexOf` for each line costs twice as much. */
function feedsIn(data: Buffer): number {
  let feeds = 0
  for (let at = 0; at < data.length; at += 1) if (data[at] === LINE_FEED) feeds += 1
  return feeds
}

function afterFeed(data: Buffer, count: number): number {
  let after = 0
  for (let feed = 0; feed < count; feed += 1) after = data.indexOf(LINE_FEED, after) + 1
  return after
}
