import { createReadStream, type ReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { writeDurably } from '../../util/durable-file.ts'
import { folderUsage } from '../../util/folder-usage.ts'
import { storageCodeOf } from '../../util/storage-code.ts'
import { AnswerFile } from './answer-file.ts'
import {
  answerHeaders,
  type InvocationHead,
  type InvocationRecord,
  invocationHead,
  invocationRecord,
} from './invocation-record.ts'

/** Written last: a folder without it was never accepted, or is being removed. */
const RECORD = 'record.json'
const REQUEST = 'request.json'
const REQUEST_BODY = 'request.body'
const ANSWER = 'answer.json'
const ANSWER_BODY = 'answer.body'

/** Records read together. */
const BATCH = 64
const UNLIMITED = { bytes: Infinity, inodes: Infinity }

/** Invocations on disk, a folder each, for their owner alone. Every method may reject with storage_full or storage_error. */
export class InvocationStore {
  readonly #folder: string
  readonly #log: Log

  private constructor(folder: string, log: Log) {
    this.#folder = folder
    this.#log = log
  }

  static async open(folder: string, log: Log): Promise<InvocationStore> {
    await kept(mkdir(folder, { recursive: true, mode: 0o700 }))
    return new InvocationStore(folder, log)
  }

  /**
   * Takes a body as it comes. Nothing is accepted by that: see `accept`.
   * @throws what `take` and `pieces` throw
   */
  async receive(id: string, pieces: AsyncIterable<Uint8Array>, take: (piece: Uint8Array) => void): Promise<void> {
    await kept(mkdir(this.#at(id), { mode: 0o700 }))
    await using file = await kept(open(this.#at(id, REQUEST_BODY), 'wx', 0o600))
    for await (const piece of pieces) {
      take(piece)
      await kept(file.writeFile(piece))
    }
    await kept(file.sync())
  }

  /** From here on it is not forgotten, whatever happens to this process or host. */
  async accept(record: InvocationRecord, head: InvocationHead): Promise<void> {
    await kept(writeDurably(this.#at(record.id), REQUEST, head))
    await this.save(record)
    await using folder = await kept(open(this.#folder, 'r'))
    await kept(folder.sync())
  }

  async save(record: InvocationRecord): Promise<void> {
    await kept(writeDurably(this.#at(record.id), RECORD, record))
  }

  loadHead(id: string): Promise<InvocationHead> {
    return this.#load(id, REQUEST, invocationHead)
  }

  readBody(id: string): ReadStream {
    return createReadStream(this.#at(id, REQUEST_BODY))
  }

  async openAnswer(id: string, limitBytes: number, onFailure: (error: ErrandError) => void): Promise<AnswerFile> {
    return new AnswerFile(await kept(open(this.#at(id, ANSWER_BODY), 'w', 0o600)), limitBytes, onFailure)
  }

  async saveAnswer(id: string, headers: readonly string[]): Promise<void> {
    await kept(writeDurably(this.#at(id), ANSWER, { headers }))
  }

  async loadAnswer(id: string): Promise<{ readonly headers: readonly string[]; readonly body: ReadStream }> {
    const { headers } = await this.#load(id, ANSWER, answerHeaders)
    const file = await kept(open(this.#at(id, ANSWER_BODY), 'r'))
    return { headers, body: file.createReadStream() }
  }

  /** Idempotent. */
  async remove(id: string): Promise<void> {
    await kept(rm(this.#at(id, RECORD), { force: true }))
    await kept(rm(this.#at(id), { recursive: true, force: true }))
  }

  /** Of all that there are, accepted or not. */
  ids(): Promise<string[]> {
    return kept(readdir(this.#folder))
  }

  /** Undefined for one that was never accepted or has gone, and for what is damaged, which is told and left where it is. */
  async find(id: string): Promise<InvocationRecord | undefined> {
    const text = await this.#readRecord(id)
    return text === undefined ? undefined : this.#parse(id, text)
  }

  /** Of those that were accepted, the oldest first. What never was, or has gone for the most part, is removed. */
  async readAll(ids: readonly string[]): Promise<InvocationRecord[]> {
    const records: InvocationRecord[] = []
    for (let from = 0; from < ids.length; from += BATCH) {
      const found = await Promise.all(ids.slice(from, from + BATCH).map((id) => this.#findOrRemove(id)))
      records.push(...found.filter((record) => record !== undefined))
    }
    return records.sort((a, b) => a.acceptedMs - b.acceptedMs || (a.id < b.id ? -1 : 1))
  }

  /** Bytes on disk. */
  async usage(id: string, signal: AbortSignal): Promise<number> {
    return (await kept(folderUsage(this.#at(id), UNLIMITED, signal))).bytes
  }

  async #findOrRemove(id: string): Promise<InvocationRecord | undefined> {
    const text = await this.#readRecord(id)
    if (text !== undefined) return this.#parse(id, text)
    await this.remove(id)
    return undefined
  }

  async #readRecord(id: string): Promise<string | undefined> {
    try {
      return await readFile(this.#at(id, RECORD), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      return kept(Promise.reject(error))
    }
  }

  #parse(id: string, text: string): InvocationRecord | undefined {
    try {
      const record = invocationRecord.parse(JSON.parse(text))
      if (record.id === id) return record
      throw new ErrandError('storage_error', `it is of ${record.id}`)
    } catch (error) {
      this.#log.error({ err: error, path: this.#at(id) }, 'the record of an invocation is damaged; it is passed over')
      return undefined
    }
  }

  async #load<T>(id: string, name: string, schema: z.ZodType<T>): Promise<T> {
    const path = this.#at(id, name)
    const text = await kept(readFile(path, 'utf8'))
    try {
      return schema.parse(JSON.parse(text))
    } catch (cause) {
      throw new ErrandError('storage_error', `${name} of an invocation is damaged`, { details: { id }, cause })
    }
  }

  #at(id: string, name = ''): string {
    return join(this.#folder, id, name)
  }
}

function kept<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: Error) => {
    throw new ErrandError(storageCodeOf(cause), `an invocation cannot be kept: ${cause.message}`, { cause })
  })
}
