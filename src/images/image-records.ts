import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { writeDurably } from '../util/durable-file.ts'

/** One image that this installation pulled, and so may remove. */
export interface ImageRecord {
  readonly id: string
  /** Full names under which it was pulled. */
  readonly names: readonly string[]
  /** Wall time. */
  readonly pulledMs: number
  readonly usedMs: number
}

export interface ImageRecordsDeps {
  /** The state folder. */
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
}

const FILE = 'images.json'
/** A use is worth a write only when the one on disk is older than this. */
const COARSE_MS = 60_000

const fileSchema = z.object({
  version: z.literal(1),
  images: z.array(
    z.object({
      id: z.string().startsWith('sha256:'),
      names: z.array(z.string()),
      pulledMs: z.number(),
      usedMs: z.number(),
    }),
  ),
})

/** The images that this installation pulled, across restarts. What is not in here is never removed. */
export class ImageRecords implements AsyncDisposable {
  readonly #deps: ImageRecordsDeps
  readonly #records: Map<string, ImageRecord>
  readonly #background = new BackgroundWork()
  #isSaved = true
  #saving: Promise<void> | undefined

  private constructor(deps: ImageRecordsDeps, records: readonly ImageRecord[]) {
    this.#deps = deps
    this.#records = new Map(records.map((record) => [record.id, record]))
  }

  /** A file that is damaged counts as empty: its images then stay for ever, which harms less than removing others'. */
  static async open(deps: ImageRecordsDeps): Promise<ImageRecords> {
    const text = await readFile(join(deps.folder, FILE), 'utf8').catch(() => undefined)
    const records = text === undefined ? [] : parse(text)
    if (records === undefined) deps.log.warn({ file: FILE }, 'the record of pulled images is damaged; beginning anew')
    return new ImageRecords(deps, records ?? [])
  }

  get all(): readonly ImageRecord[] {
    return [...this.#records.values()]
  }

  /** `isNew`: it was not on this host before, so that it is ours. Resolves once it is on disk, or could not be written. */
  async notePull(id: string, name: string, isNew: boolean): Promise<void> {
    const nowMs = this.#deps.clock.wallMs()
    const before = this.#records.get(id)
    if (!isNew && before === undefined) return
    const names = [...new Set([...(before?.names ?? []), name])]
    this.#records.set(id, { id, names, pulledMs: before?.pulledMs ?? nowMs, usedMs: nowMs })
    this.#save()
    await this.#saving
  }

  /** An image that others brought here is none of ours. */
  noteUse(id: string): void {
    const record = this.#records.get(id)
    const nowMs = this.#deps.clock.wallMs()
    if (record === undefined || nowMs - record.usedMs < COARSE_MS) return
    this.#records.set(id, { ...record, usedMs: nowMs })
    this.#save()
  }

  /** It is gone; should it come back by somebody else's hand, it is theirs. */
  forget(id: string): void {
    if (this.#records.delete(id)) this.#save()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background.idle()
  }

  /** One write at a time; what changes meanwhile goes into the next. */
  #save(): void {
    this.#isSaved = false
    if (this.#saving !== undefined) return
    this.#saving = this.#write()
    this.#background.add(this.#saving)
  }

  async #write(): Promise<void> {
    const { folder, log } = this.#deps
    while (!this.#isSaved) {
      this.#isSaved = true
      await writeDurably(folder, FILE, { version: 1, images: this.all }).catch((error: unknown) => {
        log.warn({ err: error, file: FILE }, 'the record of pulled images could not be written')
      })
    }
    this.#saving = undefined
  }
}

function parse(text: string): readonly ImageRecord[] | undefined {
  try {
    return fileSchema.parse(JSON.parse(text)).images
  } catch {
    return undefined
  }
}
