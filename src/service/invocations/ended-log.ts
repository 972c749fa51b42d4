import { appendFile, open, readFile, rename } from 'node:fs/promises'
import type { Log } from '../../core/log.ts'
import { Serial } from '../../util/serial.ts'

/** What is known of one that has ended without reading its record. */
export interface EndedEntry {
  readonly id: string
  readonly callerId: string
  readonly acceptedMs: number
  readonly endedMs: number
  /** What it takes on disk. */
  readonly bytes: number
  readonly key: string | undefined
}

/** So many lines of what has gone are let lie in any case. */
const SLACK = 1000
const BATCH = 1000

/**
 * One file with a line for each invocation with which nothing is to be done any more, so that a start need not read the record
 * of each. It is a help only: what has no line in it, after a crash for example, has its record read. Nothing here rejects.
 */
export class EndedLog {
  readonly #path: string
  readonly #log: Log
  readonly #writes = new Serial()
  #lines = 0

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  async read(): Promise<ReadonlyMap<string, EndedEntry>> {
    const entries = new Map<string, EndedEntry>()
    const text = await this.#try(() => readFile(this.#path, 'utf8'))
    for (const each of text?.split('\n') ?? []) {
      if (each === '') continue
      this.#lines += 1
      const entry = parseLine(each)
      if (entry !== undefined) entries.set(entry.id, entry)
    }
    return entries
  }

  async add({ id, callerId, acceptedMs, endedMs, bytes, key }: EndedEntry): Promise<void> {
    const text = `${JSON.stringify([id, callerId, acceptedMs, endedMs, bytes, key ?? null])}\n`
    this.#lines += 1
    await this.#try(() => this.#writes.run(() => appendFile(this.#path, text, { mode: 0o600 })))
  }

  /** Writes it anew without what has gone, if that is most of it. */
  async trim(known: { readonly size: number; has(id: string): boolean }): Promise<void> {
    if (this.#lines <= 2 * known.size + SLACK) return
    this.#lines = known.size
    await this.#try(() => this.#writes.run(() => this.#rewrite((id) => known.has(id))))
  }

  async #rewrite(isKnown: (id: string) => boolean): Promise<void> {
    const draft = `${this.#path}.draft`
    {
      await using from = await open(this.#path, 'r')
      await using to = await open(draft, 'w', 0o600)
      let batch: string[] = []
      for await (const each of from.readLines()) {
        if (isKnown(idIn(each))) batch.push(`${each}\n`)
        if (batch.length < BATCH) continue
        await to.writeFile(batch.join(''))
        batch = []
      }
      await to.writeFile(batch.join(''))
      await to.sync()
    }
    await rename(draft, this.#path)
  }

  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      this.#log.warn({ err: error, path: this.#path }, 'the list of ended invocations could not be kept or read')
      return undefined
    }
  }
}

/** By hand: there may be a great many, and a start waits for them. Undefined for what a crash or a full disk has cut off. */
function parseLine(text: string): EndedEntry | undefined {
  try {
    const [id, callerId, acceptedMs, endedMs, bytes, key]: unknown[] = JSON.parse(text)
    if (typeof id !== 'string' || typeof callerId !== 'string' || typeof bytes !== 'number') return undefined
    if (typeof acceptedMs !== 'number' || typeof endedMs !== 'number') return undefined
    return { id, callerId, acceptedMs, endedMs, bytes, key: typeof key === 'string' ? key : undefined }
  } catch {
    return undefined
  }
}

/** Ids need no escapes. */
function idIn(text: string): string {
  return text.slice(2, text.indexOf('"', 2))
}
