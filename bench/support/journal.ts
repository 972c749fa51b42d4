import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { JournalRecord } from '../../src/journal/journal.ts'
import type { SqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'

interface Module {
  readonly SqliteJournal: typeof SqliteJournal
}

/** About as large as the record of an execution. */
export interface BenchRecord extends JournalRecord {
  readonly rest: string
}

const REST = 'the request, its times, what it used: '.repeat(40)

export function benchRecord(executionId: string, status: JournalRecord['status'] = 'accepted'): BenchRecord {
  return { executionId, executorId: 'bench', callerId: 'me', status, times: { acceptedMs: Date.now() }, rest: REST }
}

/** A folder for databases, which goes when it is disposed. */
export class BenchFolder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async make(): Promise<BenchFolder> {
    return new BenchFolder(await mkdtemp(join(tmpdir(), 'errand-bench-')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

/** The journal of the built package, in a new file. */
export async function openJournal(dist: string, file: string): Promise<SqliteJournal<BenchRecord>> {
  const url = pathToFileURL(join(dist, 'journal', 'sqlite', 'sqlite-journal.js')).href
  const { SqliteJournal } = (await import(url)) as Module
  return SqliteJournal.open<BenchRecord>(file)
}

/** As many accepted executions as one thread alone brings to the disk, one commit each, per second. */
export function bareCommits(file: string, count: number): number {
  using database = new DatabaseSync(file)
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE executions (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, record TEXT)')
  const insert = database.prepare('INSERT INTO executions (id, record) VALUES (?, ?)')
  const startedMs = performance.now()
  for (let index = 0; index < count; index += 1) {
    const record = benchRecord(`id-${index}`)
    insert.run(record.executionId, JSON.stringify(record))
  }
  return (count * 1000) / (performance.now() - startedMs)
}
