import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { LogEntry } from './log-entry.ts'
import { gapLine } from './log-text.ts'
import { storing } from './storage-errors.ts'

const LINE_FEED = 10
/** What waits for a slow disk. */
const MOST_WAITING_BYTES = 1024 * 1024
const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
const NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
const AGAIN = O_WRONLY | O_APPEND | O_NOFOLLOW

/** One stream of a log as a file for people: its beginning as it comes, the rest at the end. */
export class TextFile {
  readonly path: string
  /** From the first write on: what waits for its turn holds no open file. */
  #file: FileHandle | undefined
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #writing: Promise<void> | undefined
  /** Of the stream, taken from its beginning. */
  #bytes = 0
  #lastByte = LINE_FEED
  /** Something could not be taken: the rest comes at the end, or never. */
  #isStuck = false
  #error: Error | undefined

  private constructor(path: string) {
    this.path = path
  }

  /** @throws storage_full; storage_error, also when there is something of that name */
  static async create(path: string): Promise<TextFile> {
    const file = await storing(open(path, NEW, 0o600))
    await file.close()
    return new TextFile(path)
  }

  /** Copies `data`. Never waits. */
  append(data: Buffer): void {
    if (this.#isStuck || data.length === 0) return
    this.#isStuck = this.#waitingBytes + data.length > MOST_WAITING_BYTES
    if (this.#isStuck) return
    this.#bytes += data.length
    this.#lastByte = data.at(-1) ?? LINE_FEED
    this.#waiting.push(Buffer.from(data))
    this.#waitingBytes += data.length
    this.#writing ??= this.#write()
  }

  /** Adds what is missing, and a line for each gap. `entries`: the whole stream. @throws what the file system does */
  async complete(entries: AsyncIterable<LogEntry>): Promise<void> {
    this.#isStuck = true
    await this.#writing
    if (this.#error !== undefined) throw this.#error
    let known = this.#bytes
    for await (const { data, gap } of entries) {
      if (gap === undefined && data.length > known) await this.#add(data.subarray(known))
      if (gap !== undefined && known === 0) await this.#add(this.#gapLine(gap.bytes))
      known = Math.max(0, known - (gap === undefined ? data.length : (gap.bytes ?? 0)))
    }
    await this.close()
  }

  async close(): Promise<void> {
    this.#isStuck = true
    await this.#writing
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const pieces = Buffer.concat(this.#waiting)
      this.#waiting = []
      this.#waitingBytes = 0
      await this.#add(pieces).catch((error) => this.#fail(error))
    }
    this.#writing = undefined
  }

  async #add(data: Buffer): Promise<void> {
    this.#file ??= await open(this.path, AGAIN)
    await this.#file.appendFile(data)
    this.#lastByte = data.at(-1) ?? this.#lastByte
  }

  #gapLine(bytes: number | undefined): Buffer {
    return Buffer.from(`${this.#lastByte === LINE_FEED ? '' : '\n'}${gapLine(bytes)}`)
  }

  #fail(error: Error): void {
    this.#isStuck = true
    this.#error = error
  }
}
