import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Note, note } from '../conformance.ts'
import { JOURNAL_FILE, SqliteJournal, type SqliteJournalOptions } from './sqlite-journal.ts'

/** Enough to see it come and go, and soon written. */
const SMALL_RESERVE_BYTES = 2 ** 20

/** A folder with a journal, which goes when it is disposed. */
export class JournalFolder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async make(): Promise<JournalFolder> {
    return new JournalFolder(await mkdtemp(join(tmpdir(), 'errand-journal-')))
  }

  get file(): string {
    return join(this.path, JOURNAL_FILE)
  }

  open(options: SqliteJournalOptions = {}): Promise<SqliteJournal<Note>> {
    return SqliteJournal.open(this.file, { reserveBytes: SMALL_RESERVE_BYTES, ...options })
  }

  /** Opens it, keeps as many records, and closes it. */
  async keep(count: number, changes: Partial<Note> = {}): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, index) => `id-${index}`)
    await using journal = await this.open()
    await Promise.all(ids.map((id) => journal.insert(note(id, changes))))
    return ids
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}
