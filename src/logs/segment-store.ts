import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Log } from '../core/log.ts'
import { Extent } from './extent.ts'
import { END, encodeFacts, frameAt, GAP, type GapFacts } from './frames.ts'
import type { Block } from './pending-output.ts'
import { HEAD_NAME, type RecoveredSegments, recoverSegments, tailName } from './recovery.ts'
import { headRoom, partOf, type Room, roomLeft, smallerRoom, tailRoom } from './room.ts'
import { Segment } from './segment.ts'

export interface SegmentStoreOptions {
  readonly folder: string
  /** Of output; the headers of tiny pieces take up to as much again. */
  readonly limitBytes: number
  readonly log: Log
}

/**
 * A log on the disk: one segment for the first half of what it may keep, then a ring of small ones for the second. It has
 * one writer at a time. Writing does not fail when the disk does: what cannot be written is counted as lost.
 */
export class SegmentStore {
  readonly #options: SegmentStoreOptions
  readonly #head: Room
  readonly #tail: Room
  readonly #segments: Segment[]
  readonly #end: Extent
  #tailNumber: number
  #isEnded: boolean
  /** Its folder is still to be made. */
  #isUnmade = false
  #lostMs = 0
  #hasFailed = false

  private constructor(options: SegmentStoreOptions, left: RecoveredSegments) {
    this.#options = options
    this.#head = headRoom(options.limitBytes)
    this.#tail = tailRoom(options.limitBytes)
    this.#segments = left.segments
    this.#end = new Extent(left.segments.at(-1)?.contents.end)
    this.#tailNumber = left.tailNumber
    this.#isEnded = left.isEnded
  }

  /** Makes the folder. @throws what the file system does, also when the folder is there */
  static async create(options: SegmentStoreOptions): Promise<SegmentStore> {
    await makeFolder(options.folder)
    return new SegmentStore(options, nothing())
  }

  /** Makes the folder as soon as that can be done; until then, and where there is one already, all is lost. */
  static later(options: SegmentStoreOptions): SegmentStore {
    const store = new SegmentStore(options, nothing())
    store.#isUnmade = true
    return store
  }

  /** Goes on with a folder. @throws what the file system does */
  static async recover(options: SegmentStoreOptions): Promise<SegmentStore> {
    const part = partOf(tailRoom(options.limitBytes))
    return new SegmentStore(options, await recoverSegments(options.folder, headRoom(options.limitBytes), part))
  }

  /** Oldest first. */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** How much came in all, kept or not. */
  get end(): Extent {
    return this.#end
  }

  /** Nothing more comes. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** When something was last lost. */
  get lostMs(): number {
    return this.#lostMs
  }

  get headBytes(): number {
    return this.#head.bytes
  }

  get droppedBytes(): number {
    return this.#segments.reduce((left, { contents }) => left - contents.bytes, this.#end.bytes)
  }

  async write({ frames, extent }: Block): Promise<void> {
    const written = new Extent()
    let timeMs = 0
    try {
      for (let from = 0; from < frames.length; ) {
        timeMs = frameAt(frames, from)?.timeMs ?? 0
        const segment = await this.#withRoom(timeMs)
        if (segment === undefined) break
        await this.#admitLoss(segment)
        const taken = await segment.append(frames, from)
        from = taken.next
        written.add(taken.extent)
        this.#end.add(taken.extent)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#lose(extent.since(written), timeMs)
  }

  /** Says on the disk that this was all, and sees to it that the disk has it. */
  async finish(timeMs: number): Promise<void> {
    if (this.#isEnded) return
    try {
      const last = this.#segments.at(-1) ?? (await this.#add(HEAD_NAME, timeMs, this.#head))
      await this.#admitLoss(last)
      await last.appendFacts(encodeFacts(END, timeMs, {}), new Extent())
      for (const segment of this.#segments) await segment.sync()
      await syncFolder(this.#options.folder)
    } catch (error) {
      this.#fail(error)
    }
    await this.close()
    this.#isEnded = true
  }

  /** Lets go of all files. */
  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close().catch((error) => this.#fail(error))
  }

  /** Ends as well. @throws what the file system does */
  async remove(): Promise<void> {
    await this.close()
    this.#isEnded = true
    await rm(this.#options.folder, { recursive: true, force: true })
  }

  /** Undefined when nothing may be kept. */
  async #withRoom(timeMs: number): Promise<Segment | undefined> {
    const last = this.#segments.at(-1)
    if (last !== undefined && !last.isFull) return last
    await last?.close()
    if (last === undefined && this.#head.bytes > 0) return this.#add(HEAD_NAME, timeMs, this.#head)
    const room = await this.#roomInTail()
    if (room.bytes === 0) return undefined
    this.#tailNumber += 1
    return this.#add(tailName(this.#tailNumber), timeMs, smallerRoom(room, partOf(this.#tail)))
  }

  async #roomInTail(): Promise<Room> {
    const oldest = this.#head.bytes > 0 ? 1 : 0
    for (;;) {
      const tail = this.#segments.slice(oldest)
      const room = roomLeft(
        this.#tail,
        tail.map(({ contents }) => contents),
      )
      if ((room.bytes > 0 && room.entries > 0) || tail.length === 0) return room
      // Who reads it now still can.
      const [dropped] = this.#segments.splice(oldest, 1)
      if (dropped !== undefined) await rm(dropped.path, { force: true })
    }
  }

  async #add(name: string, timeMs: number, room: Room): Promise<Segment> {
    if (this.#isUnmade) await makeFolder(this.#options.folder)
    this.#isUnmade = false
    const path = join(this.#options.folder, name)
    const segment = await Segment.create(path, new Extent(this.#end), timeMs, room)
    this.#segments.push(segment)
    return segment
  }

  /** Tells of what was lost since the segment was last written to. */
  async #admitLoss(segment: Segment): Promise<void> {
    const extent = this.#end.since(segment.contents.end)
    if (extent.places === 0) return
    const facts: GapFacts = { cause: 'limit', extent }
    await segment.appendFacts(encodeFacts(GAP, this.#lostMs, facts), extent)
  }

  #lose(extent: Extent, timeMs: number): void {
    if (extent.bytes === 0 && extent.missed === 0) return
    this.#lostMs = timeMs
    // A piece of which a part was written has had its place.
    const lost = new Extent(extent)
    lost.places = Math.max(1, lost.places)
    this.#end.add(lost)
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    const { folder, log } = this.#options
    log.warn({ folder, error: String(error) }, 'output of a task could not be written and is lost')
  }
}

function nothing(): RecoveredSegments {
  return { segments: [], isEnded: false, tailNumber: 0 }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 })
  await mkdir(folder, { mode: 0o700 })
}

async function syncFolder(folder: string): Promise<void> {
  await using directory = await open(folder, 'r')
  await directory.sync()
}
