import { copyFile, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { JournalRecord } from '../journal.ts'
import type { JournalRepair, Salvage, SalvagedEntry } from '../journal-repair.ts'
import { salvageFrom } from './salvage.ts'
import { assertSound, Damaged } from './soundness.ts'
import { SqliteJournal } from './sqlite-journal.ts'

/** How many records of the new journal share a commit. */
const TOGETHER = 1000

/** Repairs the file of a `SqliteJournal`. */
export class SqliteRepair<R extends JournalRecord> implements JournalRepair<R> {
  readonly #path: string
  readonly #clock: Clock
  #aside: { readonly path: string; readonly bytes: number } | undefined

  constructor(path: string, clock: Clock = systemClock) {
    this.#path = path
    this.#clock = clock
  }

  findDamage(): string | undefined {
    try {
      assertSound(this.#path)
      return undefined
    } catch (error) {
      if (error instanceof Damaged) return error.reason
      const message = error instanceof Error ? error.message : String(error)
      throw new ErrandError('storage_error', `the journal ${this.#path} cannot be used: ${message}`, { cause: error })
    }
  }

  async putAside(): Promise<string | undefined> {
    const bytes = await stat(this.#path)
      .then(({ size }) => size)
      .catch(() => undefined)
    if (bytes === undefined) return undefined
    const at = new Date(this.#clock.wallMs()).toISOString().replaceAll(':', '-')
    const path = `${this.#path}.damaged-${at}`
    await copyDurably(this.#path, path)
    await copyDurably(`${this.#path}-wal`, `${path}-wal`)
    this.#aside = { path, bytes }
    return path
  }

  salvage(): Salvage<R> {
    if (this.#aside === undefined) return { entries: [], unreadable: undefined }
    return salvageFrom<R>(this.#aside.path, this.#aside.bytes)
  }

  async replace(entries: readonly SalvagedEntry<R>[]): Promise<void> {
    const draft = `${this.#path}.draft`
    await removeJournal(draft)
    {
      await using journal = await SqliteJournal.open<R>(draft, { clock: this.#clock, reserveBytes: 0 })
      for (let from = 0; from < entries.length; from += TOGETHER) {
        await Promise.all(entries.slice(from, from + TOGETHER).map(({ record, key }) => journal.insert(record, key)))
      }
    }
    await rm(`${draft}.reserve`, { force: true })
    // First the log: what is in it must not be played into the new file.
    for (const ending of ['-wal', '-shm']) await rm(this.#path + ending, { force: true })
    await rename(draft, this.#path)
    await sync(dirname(this.#path))
  }
}

async function removeJournal(path: string): Promise<void> {
  for (const ending of ['', '-wal', '-shm', '.reserve']) await rm(path + ending, { force: true })
}

/** Does nothing where there is nothing. */
async function copyDurably(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw error
  }
  await sync(to)
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}
