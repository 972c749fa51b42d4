import { type FileHandle, open } from 'node:fs/promises'
import { Extent } from './extent.ts'
import { encodeFacts, frameAt, HEADER_BYTES, pass, putHeader, START, streamOf } from './frames.ts'
import { type Room, roomLeft } from './room.ts'

/** What is in a segment's file, and stays there. */
export interface SegmentContents {
  readonly end: Extent
  readonly fileBytes: number
  readonly bytes: number
  readonly entries: number
  /** More is in the file than these contents: what an earlier process did not come to write in full. */
  readonly isTorn?: boolean
}

/** The first part of a block that fits into a segment. */
interface Run extends Room {
  /** Where it ends in the block. */
  readonly end: number
  readonly extent: Extent
  /** Its last frame was cut: so many bytes are left for the next segment. */
  readonly cut: { readonly kind: number; readonly timeMs: number; readonly bytes: number } | undefined
}

/** One file of a log. It is only ever added to; readers go as far as `contents` says. */
export class Segment {
  readonly path: string
  /** Where it begins in the log. */
  readonly start: Extent
  readonly startMs: number
  readonly #room: Room
  #contents: SegmentContents
  #isTorn: boolean
  #file: FileHandle | undefined

  constructor(path: string, start: Extent, startMs: number, room: Room, contents: SegmentContents) {
    this.#isTorn = contents.isTorn === true
    this.path = path
    this.start = start
    this.startMs = startMs
    this.#room = room
    this.#contents = contents
  }

  /** Makes the file, in place of one that nothing knows of. */
  static async create(path: string, start: Extent, startMs: number, room: Room): Promise<Segment> {
    const empty = { end: start, fileBytes: 0, bytes: 0, entries: 0 }
    const segment = new Segment(path, start, startMs, room, empty)
    segment.#file = await open(path, 'w', 0o600)
    await segment.#write(encodeFacts(START, startMs, start))
    return segment
  }

  get contents(): SegmentContents {
    return this.#contents
  }

  get isFull(): boolean {
    return this.#contents.bytes >= this.#room.bytes || this.#contents.entries >= this.#room.entries
  }

  /**
   * Appends as many frames of a block as there is room for, beginning at `from`, and cuts the last one when need be: then
   * a new header for the rest is put into the block. Returns where the rest begins, and how much was taken.
   */
  async append(frames: Buffer, from: number): Promise<{ readonly next: number; readonly extent: Extent }> {
    const run = this.#fit(frames, from)
    await this.#write(frames.subarray(from, run.end), run)
    if (run.cut === undefined) return { next: run.end, extent: run.extent }
    const next = run.end - HEADER_BYTES
    putHeader(frames, next, run.cut.kind, run.cut.bytes, run.cut.timeMs)
    return { next, extent: run.extent }
  }

  /** Appends a frame that is no output. */
  async appendFacts(frame: Buffer, extent: Extent): Promise<void> {
    await this.#write(frame, { end: 0, extent, bytes: 0, entries: 1, cut: undefined })
  }

  /** Puts what was written onto the disk. */
  async sync(): Promise<void> {
    await (await this.#open()).datasync()
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #fit(frames: Buffer, from: number): Run {
    const extent = new Extent()
    const room = roomLeft(this.#room, [this.#contents])
    let bytes = 0
    let entries = 0
    let end = from
    while (entries < room.entries) {
      const frame = frameAt(frames, end)
      if (frame === undefined) break
      const stream = streamOf(frame.kind)
      const length = stream === undefined ? 0 : frame.data.length
      const fitting = Math.min(length, room.bytes - bytes)
      if (length > 0 && fitting === 0) break
      bytes += fitting
      entries += 1
      if (stream !== undefined && fitting < length) {
        putHeader(frames, end, frame.kind, fitting, frame.timeMs)
        extent.addData(stream, fitting)
        const cut = { kind: frame.kind, timeMs: frame.timeMs, bytes: length - fitting }
        return { end: end + HEADER_BYTES + fitting, extent, bytes, entries, cut }
      }
      pass(extent, frame)
      end += HEADER_BYTES + frame.data.length
    }
    return { end, extent, bytes, entries, cut: undefined }
  }

  async #write(data: Buffer, run?: Run): Promise<void> {
    const file = await this.#open()
    const { fileBytes, bytes, entries } = this.#contents
    try {
      // A full disk may take a part of it.
      for (let at = 0; at < data.length; ) {
        at += (await file.write(data, at, data.length - at, fileBytes + at)).bytesWritten
      }
    } catch (error) {
      // What is half there must not be taken for more than it is by a later process.
      await file.truncate(fileBytes).catch(() => {})
      throw error
    }
    const end = new Extent(this.#contents.end)
    if (run !== undefined) end.add(run.extent)
    this.#contents = {
      end,
      fileBytes: fileBytes + data.length,
      bytes: bytes + (run?.bytes ?? 0),
      entries: entries + (run?.entries ?? 0),
    }
  }

  async #open(): Promise<FileHandle> {
    this.#file ??= await open(this.path, 'r+')
    // Not before it is written to: what is whole can be read where nothing can be written any more.
    if (this.#isTorn) await this.#file.truncate(this.#contents.fileBytes)
    this.#isTorn = false
    return this.#file
  }
}
