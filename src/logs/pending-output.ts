import { Extent, type LogStream } from './extent.ts'
import { encodeFacts, GAP, type GapFacts, HEADER_BYTES, kindOf, MAX_DATA_BYTES, putHeader } from './frames.ts'

/** What comes while nothing is being written goes to the disk soon. */
const SMALL_BLOCK_BYTES = 4 * 1024
const BLOCK_BYTES = 4 * (HEADER_BYTES + MAX_DATA_BYTES)
/** When the disk is slower than the output, so much of it waits. */
const MOST_BYTES = 8 * BLOCK_BYTES

/** Frames on their way to the disk, as they will lie there. */
export interface Block {
  readonly frames: Buffer
  /** What they lie in. */
  readonly buffer: Buffer
  readonly extent: Extent
  /** Resolves once it is placed, with where that was; nothing more goes into it. */
  mark(): Promise<Extent>
  placeAt(end: Extent): void
}

/**
 * Output that waits for the disk, in bounded memory. What is too much is given up: not the head of the log, nor the newest,
 * which says how things ended.
 */
export class PendingOutput {
  readonly #blocks: OpenBlock[] = []
  #bytes = 0
  /** How much of the head has not been taken. */
  #headBytes: number
  /** Given up; lies before the block of this index. */
  #lost = new Extent()
  #lostMs = 0
  #lostAt = 0
  /** Used again while there is much to write. */
  #spare: Buffer | undefined

  constructor(headBytes: number) {
    this.#headBytes = headBytes
  }

  /** So much waits that whoever brings it had better wait, too. */
  get isCrowded(): boolean {
    return this.#bytes > MOST_BYTES / 2
  }

  get newest(): Block | undefined {
    return this.#blocks.at(-1)
  }

  /** Bytes of output that were given up and that no block tells of yet. */
  get lostBytes(): number {
    return this.#lost.bytes
  }

  /** Copies `data`. `isBusy`: earlier blocks are still being written, so that more is likely to come before this one is. */
  push(stream: LogStream, timeMs: number, data: Buffer, isBusy: boolean): void {
    for (let at = 0; at < data.length; at += MAX_DATA_BYTES) {
      const piece = data.length <= MAX_DATA_BYTES ? data : data.subarray(at, at + MAX_DATA_BYTES)
      if (this.#blocks.at(-1)?.merge(stream, timeMs, piece)) continue
      this.#withRoom(HEADER_BYTES + piece.length, isBusy).put(stream, timeMs, piece)
    }
  }

  pushGap(timeMs: number, facts: GapFacts): void {
    const frame = encodeFacts(GAP, timeMs, facts)
    this.#withRoom(frame.length, false).putGap(frame, facts.extent)
  }

  /** The oldest block, for the disk. */
  take(): Block | undefined {
    if (this.#lost.places > 0 && this.#lostAt === 0) return this.#takeLost()
    const block = this.#blocks.shift()
    if (block === undefined) {
      this.#spare = undefined
      return undefined
    }
    this.#lostAt -= 1
    this.#bytes -= block.capacity
    this.#headBytes -= block.extent.bytes
    return block
  }

  /** Takes back a block that is written, for what comes next: allocating anew costs memory until it is collected. */
  recycle(block: Block): void {
    this.#spare = block.buffer
  }

  #takeLost(): Block {
    const extent = this.#lost
    this.#lost = new Extent()
    const frame = encodeFacts(GAP, this.#lostMs, { cause: 'limit', extent })
    const block = new OpenBlock(Buffer.allocUnsafeSlow(frame.length))
    block.putGap(frame, extent)
    return block
  }

  #withRoom(bytes: number, isBusy: boolean): OpenBlock {
    const last = this.#blocks.at(-1)
    if (last?.hasRoom(bytes)) return last
    const capacity = Math.max(bytes, isBusy ? BLOCK_BYTES : SMALL_BLOCK_BYTES)
    const lost = this.#bytes + capacity > MOST_BYTES ? this.#giveUpOne() : undefined
    const block = new OpenBlock(this.#takeBuffer(capacity))
    lost?.passMarksTo(this.#blocks[this.#lostAt] ?? block)
    this.#blocks.push(block)
    this.#bytes += block.capacity
    return block
  }

  #takeBuffer(capacity: number): Buffer {
    const spare = this.#spare
    if (spare?.length !== capacity) return Buffer.allocUnsafeSlow(capacity)
    this.#spare = undefined
    return spare
  }

  #giveUpOne(): OpenBlock | undefined {
    if (this.#lost.places === 0) this.#lostAt = this.#countHeadBlocks()
    const [block] = this.#blocks.splice(this.#lostAt, 1)
    if (block === undefined) return undefined
    this.#bytes -= block.capacity
    this.#lost.add(block.extent)
    this.#lostMs = block.lastMs
    this.#spare = block.buffer
    return block
  }

  /** Those that the head begins with; of a head that is larger than what may wait, no more than half of that. */
  #countHeadBlocks(): number {
    let [count, output, memory] = [0, 0, 0]
    for (const { extent, capacity } of this.#blocks) {
      memory += capacity
      if (output >= this.#headBytes || memory > MOST_BYTES / 2) break
      output += extent.bytes
      count += 1
    }
    return count
  }
}

/** A block that is being filled. */
class OpenBlock implements Block {
  readonly extent: Extent = new Extent()
  readonly buffer: Buffer
  lastMs = 0
  readonly #marks: PromiseWithResolvers<Extent>[] = []
  #isClosed = false
  #used = 0
  #lastAt = 0
  #lastStream: LogStream | undefined

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  get capacity(): number {
    return this.buffer.length
  }

  get frames(): Buffer {
    return this.buffer.subarray(0, this.#used)
  }

  mark(): Promise<Extent> {
    const mark = Promise.withResolvers<Extent>()
    this.#isClosed = true
    this.#marks.push(mark)
    return mark.promise
  }

  placeAt(end: Extent): void {
    for (const mark of this.#marks) mark.resolve(end)
  }

  /** This one is given up. */
  passMarksTo(heir: OpenBlock): void {
    heir.#marks.push(...this.#marks)
  }

  hasRoom(bytes: number): boolean {
    return !this.#isClosed && this.#used + bytes <= this.buffer.length
  }

  /** Makes output of one stream and one millisecond a single entry, which saves headers. False: it cannot be. */
  merge(stream: LogStream, timeMs: number, data: Buffer): boolean {
    if (stream !== this.#lastStream || timeMs !== this.lastMs || !this.hasRoom(data.length)) return false
    const length = this.#used - this.#lastAt - HEADER_BYTES + data.length
    if (length > MAX_DATA_BYTES) return false
    putHeader(this.buffer, this.#lastAt, kindOf(stream), length, timeMs)
    this.#used += data.copy(this.buffer, this.#used)
    this.extent.addBytes(stream, data.length)
    return true
  }

  put(stream: LogStream, timeMs: number, data: Buffer): void {
    this.#lastAt = this.#used
    this.#lastStream = stream
    this.lastMs = timeMs
    putHeader(this.buffer, this.#used, kindOf(stream), data.length, timeMs)
    this.#used += HEADER_BYTES
    this.#used += data.copy(this.buffer, this.#used)
    this.extent.addData(stream, data.length)
  }

  putGap(frame: Buffer, extent: Extent): void {
    this.#lastStream = undefined
    this.#used += frame.copy(this.buffer, this.#used)
    this.extent.add(extent)
  }
}
