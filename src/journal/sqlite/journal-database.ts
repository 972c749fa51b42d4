import { DatabaseSync } from 'node:sqlite'
import type { Operation, Reply } from './messages.ts'
import { migrate } from './schema.ts'
import { Statements } from './statements.ts'

/** SQLITE_FULL, in the low byte of extended codes too. */
const SQLITE_FULL = 13

/** The journal's file: write-ahead log, and every commit on the disk before it is told. */
export class JournalDatabase {
  readonly #database: DatabaseSync
  readonly #statements: Statements

  private constructor(database: DatabaseSync) {
    this.#database = database
    this.#statements = new Statements(database)
  }

  /** @throws what SQLite throws for a file that is none of its own, or damaged; NewerSchema */
  static open(path: string): JournalDatabase {
    const database = new DatabaseSync(path, { timeout: 5000 })
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
      migrate(database, path)
      const [check] = database.prepare('PRAGMA quick_check(1)').all()
      if (check?.quick_check !== 'ok') throw new Error(`it is damaged: ${String(check?.quick_check)}`)
      return new JournalDatabase(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** One transaction for all; one that is refused changes nothing and stops none of the others. */
  runAll(operations: readonly Operation[]): Reply[] {
    if (operations.length === 0) return []
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      const replies = operations.map((operation) => this.#run(operation))
      this.#database.exec('COMMIT')
      return replies
    } catch (error) {
      this.#rollBack()
      const refusal = toRefusal(error)
      return operations.map(() => refusal)
    }
  }

  close(): void {
    this.#database.close()
  }

  #run(operation: Operation): Reply {
    return operation.kind === 'close' ? { kind: 'done' } : this.#statements.run(operation)
  }

  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself: the first error says what happened.
    }
  }
}

function toRefusal(error: unknown): Reply {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0
  return { kind: 'refused', code: (code & 0xff) === SQLITE_FULL ? 'storage_full' : 'storage_error', message }
}
