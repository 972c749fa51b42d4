import { type FileHandle, open } from 'node:fs/promises'
import { Extent, type LogStream } from './extent.ts'
import { type Frame, GAP, gapFacts, pass, START, streamOf } from './frames.ts'
import type { LogEntry, LogGap } from './log-entry.ts'
import { readFrames } from './read-frames.ts'
import type { Segment } from './segment.ts'
import type { SegmentStore } from './segment-store.ts'
import { logError, UNREADABLE } from './storage-errors.ts'

const NOTHING = Buffer.alloc(0)

/** One reader's way through the segments of a log. Holds at most one open file, and a buffer for a batch of entries. */
export class LogCursor implements AsyncDisposable {
  readonly #store: SegmentStore
  readonly #stream: LogStream | undefined
  readonly #position: Extent
  /** The first place may lie in a segment that begins earlier: then what a gap in between left out is not known. */
  readonly #wantedSeq: number
  #segment: Segment | undefined
  #offset = 0
  #file: FileHandle | undefined
  #hasRead = false

  /** Entries and gaps from `wantedSeq` on. `stream`: only of this one. */
  constructor(store: SegmentStore, wantedSeq: number, stream: LogStream | undefined) {
    this.#store = store
    this.#stream = stream
    this.#wantedSeq = wantedSeq
    const segment = store.segments.findLast(({ start }) => start.nextSeq <= wantedSeq)
    this.#position = new Extent(segment?.start)
  }

  /**
   * The next few entries; undefined when there are no more now. None at all says nothing: those that were read are not
   * wanted.
   * @throws not_found when the log was removed from outside; storage_error when it is there, and cannot be read
   */
  async next(): Promise<LogEntry[] | undefined> {
    const segment = this.#segment
    if (segment === undefined || this.#offset >= segment.contents.fileBytes) {
      const following = this.#following()
      return following === undefined ? undefined : this.#enter(following)
    }
    if (this.#file === undefined) return undefined
    try {
      return await this.#read(this.#file, segment)
    } catch (error) {
      throw logError(error, UNREADABLE)
    }
  }

  /** Whether something that was printed has been read, wanted or not. */
  get hasRead(): boolean {
    return this.#hasRead
  }

  /** In place of what came after all that is on the disk. */
  trailingGap(): LogEntry | undefined {
    return this.#leap(this.#store.end, this.#store.lostMs)
  }

  /** Lets go of the file. Also while `next` runs, or before it would run. */
  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #read(file: FileHandle, { contents }: Segment): Promise<LogEntry[]> {
    const { frames, next } = await readFrames(file, this.#offset, contents.fileBytes)
    // It was whole when it was written: to look for it again would never end.
    if (frames.length === 0) throw new Error('what was written is not there any more')
    this.#offset = next
    this.#hasRead ||= frames.some(({ kind }) => kind !== START)
    return frames.flatMap((frame) => this.#toEntry(frame) ?? [])
  }

  #following(): Segment | undefined {
    const { places } = this.#position
    return this.#store.segments.find((segment) => segment !== this.#segment && segment.start.places >= places)
  }

  async #enter(segment: Segment): Promise<LogEntry[]> {
    await this[Symbol.asyncDispose]()
    try {
      this.#file = await open(segment.path, 'r')
    } catch (error) {
      // Given up just now, for the ring went on: there is a later one.
      if (!this.#store.segments.includes(segment)) return []
      throw logError(error, UNREADABLE)
    }
    this.#segment = segment
    this.#offset = 0
    const gap = this.#leap(segment.start, segment.startMs)
    return gap === undefined ? [] : [gap]
  }

  #toEntry(frame: Frame): LogEntry | undefined {
    const { nextSeq: seq } = this.#position
    const { kind, timeMs, data } = frame
    if (kind === GAP) return this.#toGap(frame)
    const stream = streamOf(kind)
    pass(this.#position, frame)
    if (stream === undefined || seq < this.#wantedSeq) return undefined
    return this.#stream === undefined || this.#stream === stream ? { seq, timeMs, stream, data } : undefined
  }

  #toGap(frame: Frame): LogEntry | undefined {
    const { timeMs } = frame
    const { cause, extent, bytes } = gapFacts(frame)
    const after = new Extent(this.#position)
    after.add(extent)
    if (cause === 'limit') return this.#leap(after, timeMs)
    const { nextSeq: seq } = this.#position
    this.#position.add(extent)
    return seq < this.#wantedSeq ? undefined : this.#gapEntry(seq, timeMs, cause, bytes)
  }

  /** Goes on at `to`, with a gap for what lies before it. */
  #leap(to: Extent, timeMs: number): LogEntry | undefined {
    const extent = to.since(this.#position)
    const { nextSeq } = this.#position
    this.#position.add(extent)
    const seq = Math.max(nextSeq, this.#wantedSeq)
    const bytes = seq === nextSeq ? extent.bytesOf(this.#stream) : undefined
    if (extent.places === 0 || seq > to.places || bytes === 0) return undefined
    return this.#gapEntry(seq, timeMs, 'limit', bytes)
  }

  /** Up to where it is now. */
  #gapEntry(seq: number, timeMs: number, cause: LogGap['cause'], bytes: number | undefined): LogEntry {
    const gap = { cause, untilSeq: this.#position.places, bytes }
    return { seq, timeMs, stream: this.#stream ?? 'stdout', data: NOTHING, gap }
  }
}
