import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** One line of the daemon's log on a pipe. */
export interface LogLine {
  readonly level: number
  readonly time: string
  readonly msg: string
  readonly [fact: string]: unknown
}

/** Reads what a daemon writes to stderr, and tells when something was said. */
export class LogReader {
  /** Every line as it came. */
  readonly lines: string[] = []
  readonly #end: Promise<unknown>
  #hasEnded = false
  #news = Promise.withResolvers<void>()

  constructor(stream: Readable) {
    const reader = createInterface({ input: stream })
    reader.on('line', (line) => {
      this.lines.push(line)
      this.#tell()
    })
    this.#end = once(reader, 'close').then(() => {
      this.#hasEnded = true
      this.#tell()
    })
  }

  get text(): string {
    return this.lines.map((line) => `${line}\n`).join('')
  }

  /** Every line of the log; what is printed beside it is left out. */
  get entries(): LogLine[] {
    return this.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine)
  }

  /** The first entry, past or to come, with this message and these facts. Rejects when the log ends without. */
  async entry(message: string, facts: Readonly<Record<string, unknown>> = {}): Promise<LogLine> {
    const wanted = Object.entries({ ...facts, msg: message })
    const isWanted = (line: LogLine): boolean => wanted.every(([key, value]) => line[key] === value)
    return this.#first(message, () => this.entries.find(isWanted))
  }

  /** Resolves once a line, whatever its form, holds the text. */
  async mention(text: string): Promise<string> {
    return this.#first(text, () => this.lines.find((line) => line.includes(text)))
  }

  /** Resolves when nothing more can come. */
  async ended(): Promise<void> {
    await this.#end
  }

  async #first<T>(what: string, find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      if (this.#hasEnded) throw new Error(`the daemon ended without logging ${what}:\n${this.text}`)
      await this.#news.promise
    }
  }

  #tell(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }
}
