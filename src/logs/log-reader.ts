import { ErrandError } from '../core/errors.ts'
import { abortable } from '../util/abort.ts'
import type { Changes } from './changes.ts'
import type { Extent } from './extent.ts'
import { LogCursor } from './log-cursor.ts'
import type { LogEntry, LogRange } from './log-entry.ts'
import { findTail, type LogPlace } from './log-tail.ts'
import type { SegmentStore } from './segment-store.ts'

/** What a reader sees of a log. */
export interface LogSource {
  readonly store: SegmentStore
  readonly changes: Changes
  isRemoved(): boolean
}

/**
 * Reads at its own pace, holding a batch of entries. `asked`: where the log stood when this reader was asked for. `onOpened`
 * is called as soon as it is known that the log can be read: that something was, wanted or not, or that there is nothing yet.
 */
export async function* readLog(
  source: LogSource,
  asked: Promise<Extent>,
  range: LogRange,
  signal: AbortSignal,
  onOpened: () => void = () => {},
): AsyncGenerator<LogEntry, void, undefined> {
  const { nextSeq: untilSeq } = await abortable(asked, signal)
  checkThere(source)
  const place = await firstPlace(source.store, range, untilSeq)
  await using cursor = new LogCursor(source.store, place.seq, range.stream)
  using _released = releaseOnAbort(cursor, signal)
  const lastSeq = range.follow === true ? Number.POSITIVE_INFINITY : untilSeq - 1
  for (;;) {
    const entries = await nextEntries({ source, cursor, isFollowing: range.follow === true, onOpened }, signal)
    if (entries === undefined) break
    for (const entry of entries) {
      if (entry.seq > lastSeq) return
      const wanted = trim(entry, place, range.sinceMs ?? 0)
      if (wanted !== undefined) yield wanted
      checkThere(source)
      signal.throwIfAborted()
    }
  }
  const gap = cursor.trailingGap()
  if (gap !== undefined) yield gap
}

interface Reading {
  readonly source: LogSource
  readonly cursor: LogCursor
  readonly isFollowing: boolean
  readonly onOpened: () => void
}

/** Undefined at the end: of what there is, or of all that will be. */
async function nextEntries(
  { source, cursor, isFollowing, onOpened }: Reading,
  signal: AbortSignal,
): Promise<LogEntry[] | undefined> {
  for (;;) {
    // Both are looked at first, so that what comes while reading is read in another round.
    const { count } = source.changes
    const { isEnded } = source.store
    const entries = await cursor.next()
    signal.throwIfAborted()
    checkThere(source)
    if (entries === undefined || cursor.hasRead) onOpened()
    if (entries !== undefined || isEnded || !isFollowing) return entries
    await source.changes.after(count, signal)
  }
}

async function firstPlace(store: SegmentStore, range: LogRange, untilSeq: number): Promise<LogPlace> {
  const since = { seq: (range.sinceSeq ?? 0) + 1, offset: 0 }
  if (range.tail === undefined || range.tail === false) return since
  const place = await findTail(store, range.tail === true ? 0 : range.tail, untilSeq, range.stream)
  return place.seq < since.seq ? since : place
}

/** What is wanted of an entry. */
function trim(entry: LogEntry, place: LogPlace, sinceMs: number): LogEntry | undefined {
  if (entry.timeMs < sinceMs) return undefined
  if (entry.seq !== place.seq || place.offset === 0 || entry.gap !== undefined) return entry
  return place.offset < entry.data.length ? { ...entry, data: entry.data.subarray(place.offset) } : undefined
}

/** Somebody who neither goes on nor returns does not keep a file open once the signal has aborted. */
function releaseOnAbort(cursor: LogCursor, signal: AbortSignal): Disposable {
  const release = () => void cursor[Symbol.asyncDispose]()
  signal.addEventListener('abort', release, { once: true })
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', release) }
}

function checkThere(source: LogSource): void {
  if (source.isRemoved()) throw new ErrandError('not_found', 'The log was removed')
}
