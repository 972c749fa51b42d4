import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { Changes } from './changes.ts'
import { Extent, type LogStream } from './extent.ts'
import { catchUp, type KeptOutput } from './log-catch-up.ts'
import type { LogEntry, LogRange } from './log-entry.ts'
import { readLog } from './log-reader.ts'
import { logText } from './log-text.ts'
import { type Block, PendingOutput } from './pending-output.ts'
import { SegmentStore } from './segment-store.ts'
import { storing, UNREADABLE } from './storage-errors.ts'

/** Of one stream, as a string. */
const MOST_TEXT_BYTES: number = 16 * 1024 * 1024

export interface ExecutionLogOptions {
  /** Its own. */
  readonly folder: string
  /** Output to keep, in bytes: half from the beginning, half from the end. */
  readonly limitBytes: number
  readonly clock: Clock
  readonly log: Log
}

/** How much there was. A part of what an execution's record says. */
export interface LogCounts {
  /** All that was printed, as far as it was heard. */
  readonly stdoutBytes: number
  readonly stderrBytes: number
  /** Of that, not kept. */
  readonly droppedBytes: number
  /** Times that output may have been missed. */
  readonly gaps: number
}

/**
 * The output of one execution, on the disk, in bounded room and memory. Taken down by one writer that never waits; read
 * by anybody, at any time, at any pace.
 */
export class ExecutionLog {
  readonly #clock: Clock
  readonly #store: SegmentStore
  readonly #pending: PendingOutput
  readonly #changes = new Changes()
  readonly #work = new BackgroundWork()
  /** Everything that was taken. */
  readonly #taken: Extent
  #isWriting = false
  #placing: Block | undefined
  #finishing: Promise<void> | undefined
  #isClosed: boolean
  #isRemoved = false

  private constructor(store: SegmentStore, clock: Clock) {
    this.#clock = clock
    this.#store = store
    this.#pending = new PendingOutput(store.headBytes - store.end.bytes)
    this.#taken = new Extent(store.end)
    this.#isClosed = store.isEnded
  }

  /** Begins a log, in a folder that it makes. @throws storage_full; storage_error, also when the folder is there */
  static async open({ clock, ...options }: ExecutionLogOptions): Promise<ExecutionLog> {
    return new ExecutionLog(await storing(SegmentStore.create(options)), clock)
  }

  /**
   * Goes on with a log of an earlier process. When that came to `end` it, it can be read; otherwise also added to, and
   * wants to be ended.
   * @throws not_found; storage_full; storage_error
   */
  static async reopen({ clock, ...options }: ExecutionLogOptions): Promise<ExecutionLog> {
    return new ExecutionLog(await storing(SegmentStore.recover(options), UNREADABLE), clock)
  }

  /** Begins a log whose folder cannot be made yet: it is as soon as it can be, and what comes until then is counted as lost. */
  static openLater({ clock, ...options }: ExecutionLogOptions): ExecutionLog {
    return new ExecutionLog(SegmentStore.later(options), clock)
  }

  get totals(): LogCounts {
    const { stdoutBytes, stderrBytes, missed: gaps } = this.#taken
    return { stdoutBytes, stderrBytes, droppedBytes: this.#store.droppedBytes + this.#pending.lostBytes, gaps }
  }

  /** Output up to here is kept whatever follows. */
  get headBytes(): number {
    return this.#store.headBytes
  }

  get isEnded(): boolean {
    return this.#store.isEnded
  }

  /** Takes a piece of output, by copy. Ignored after `end` and `close`. */
  append(stream: LogStream, data: Buffer): void {
    if (this.#isClosed || data.length === 0) return
    this.#taken.addData(stream, data.length)
    this.#pending.push(stream, this.#clock.wallMs(), data, this.#isWriting)
    this.#wakeWriter()
  }

  /** The disk is slower than the output: who does not wait until it is `written` makes a gap. */
  get isCrowded(): boolean {
    return this.#pending.isCrowded
  }

  /** Nobody could listen for a while, and missed so many bytes. Ignored after `end` and `close`. */
  noteGap(bytes?: number): void {
    if (this.#isClosed) return
    const extent = new Extent({ places: 1, stdoutBytes: 0, stderrBytes: 0, missed: 1 })
    this.#taken.add(extent)
    this.#pending.pushGap(this.#clock.wallMs(), { cause: 'missed', extent, ...(bytes !== undefined && { bytes }) })
    this.#wakeWriter()
  }

  /**
   * For a live connection that was lost: goes on with what the engine keeps, to the end of the sandbox. Nothing is taken
   * twice; where the engine has thrown away what comes next, there is a gap. Append nothing else meanwhile.
   * @throws what `kept` does
   */
  async catchUp(kept: KeptOutput): Promise<void> {
    await catchUp(this, kept)
  }

  /** Resolves once all that was taken so far is on its way into the kernel, or lost. */
  async written(): Promise<void> {
    await this.#position()
  }

  /** Nothing more comes: resolves when all of it is safely on the disk. Idempotent, and never fails. */
  async end(): Promise<void> {
    this.#isClosed = true
    await this.#work.idle()
    this.#finishing ??= this.#store.finish(this.#clock.wallMs())
    await this.#finishing
    this.#changes.notify()
  }

  /**
   * Reads from the disk, holding a few entries at a time. What a reader is too slow for, because the tail went on, comes
   * to it as a gap. `onOpened` is called, perhaps more than once, when it is known that the log can be read. The iteration
   * rejects with the reason of `signal`, `not_found` once the log was removed, or `storage_error`.
   */
  read(
    range: LogRange,
    signal: AbortSignal = new AbortController().signal,
    onOpened?: () => void,
  ): AsyncIterableIterator<LogEntry> {
    const source = { store: this.#store, changes: this.#changes, isRemoved: () => this.#isRemoved }
    // A signal of its own: many readers of one signal would be warned about as a leak of listeners.
    return readLog(source, this.#position(), range, AbortSignal.any([signal]), onOpened)
  }

  /** What is kept of a stream; when that is more than `maxBytes`, half of that from each end. Default: 16 MiB. */
  text(stream: LogStream, maxBytes: number = MOST_TEXT_BYTES): Promise<string> {
    return logText(this.read({ stream }), maxBytes)
  }

  /** Lets go of it for a later process, which goes on with it: takes nothing more and is not ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#work.idle()
    await this.#finishing
    await this.#store.close()
  }

  /** Ends it, and its readers, and deletes it. Idempotent. @throws storage_error */
  async remove(): Promise<void> {
    this.#isRemoved = true
    this.#changes.notify()
    await this.close()
    await storing(this.#store.remove())
  }

  /** Once all that was taken so far is placed. */
  #position(): Promise<Extent> {
    const block = this.#pending.newest ?? this.#placing
    return block?.mark() ?? Promise.resolve(new Extent(this.#store.end))
  }

  #wakeWriter(): void {
    if (this.#isWriting) return
    this.#isWriting = true
    this.#work.add(this.#write())
  }

  async #write(): Promise<void> {
    // What else comes in this turn is written together with the first piece.
    await Promise.resolve()
    for (let block = this.#pending.take(); block !== undefined; block = this.#pending.take()) {
      this.#placing = block
      await this.#store.write(block)
      this.#placing = undefined
      block.placeAt(new Extent(this.#store.end))
      this.#pending.recycle(block)
      this.#changes.notify()
    }
    this.#isWriting = false
  }
}
