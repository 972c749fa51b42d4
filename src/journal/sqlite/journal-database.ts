import { DatabaseSync } from 'node:sqlite'
import type { DatabaseOptions, Operation, Refusal, Reply } from './messages.ts'
import { Reserve } from './reserve.ts'
import { migrate } from './schema.ts'
import { assertSound } from './soundness.ts'
import { Statements } from './statements.ts'

/** In the low byte of extended codes too. */
const SQLITE_FULL = 13
/** Too large, constraint, mismatch, range: it is the operation that is wrong, not the storage. */
const FAULTS_OF_AN_OPERATION: ReadonlySet<number> = new Set([18, 19, 20, 25])

/**
 * The journal's file: write-ahead log, and every commit on the disk before it is told. Alone with it: the log's index is
 * in memory then, not in a file that a full disk could not hold.
 */
export class JournalDatabase {
  readonly #database: DatabaseSync
  readonly #statements: Statements
  readonly #reserve: Reserve

  private constructor(database: DatabaseSync, reserve: Reserve) {
    this.#database = database
    this.#statements = new Statements(database)
    this.#reserve = reserve
  }

  /** @throws as `assertSound`; what SQLite throws */
  static open({ path, reserveBytes }: DatabaseOptions): JournalDatabase {
    assertSound(path)
    const database = new DatabaseSync(path, { timeout: 5000 })
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      migrate(database, path)
      return new JournalDatabase(database, Reserve.open(path, reserveBytes))
    } catch (error) {
      database.close()
      throw error
    }
  }

  /**
   * One transaction for all; one that is refused changes nothing and stops none of the others. On a full disk the reserve
   * is given up and nothing new is taken until it is whole again; what is kept can be changed and read.
   */
  runAll(operations: readonly Operation[]): Reply[] {
    const hasInsert = operations.some(({ kind }) => kind === 'insert')
    if (hasInsert && !this.#reserve.isHeld) this.#reserve.take()
    return this.#commit(operations)
  }

  close(): void {
    this.#database.close()
  }

  #commit(operations: readonly Operation[]): Reply[] {
    try {
      return this.#transaction(operations)
    } catch (error) {
      const code = codeOf(error)
      if (code === SQLITE_FULL && this.#reserve.release()) return this.#commit(operations)
      const isOnes = code === undefined || FAULTS_OF_AN_OPERATION.has(code)
      if (isOnes && operations.length > 1) return this.#commitInHalves(operations)
      return this.#answerReads(operations, refusal(error))
    }
  }

  #transaction(operations: readonly Operation[]): Reply[] {
    try {
      this.#database.exec('BEGIN')
      const replies = operations.map((operation) => this.#run(operation))
      this.#database.exec('COMMIT')
      return replies
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  /** Until the one that cannot be done is alone. */
  #commitInHalves(operations: readonly Operation[]): Reply[] {
    const half = operations.length >>> 1
    return [...this.#commit(operations.slice(0, half)), ...this.#commit(operations.slice(half))]
  }

  /** What cannot write may still read. */
  #answerReads(operations: readonly Operation[], refused: Reply): Reply[] {
    return operations.map((operation) => {
      if (['insert', 'save', 'remove', 'adopt', 'keepConfig'].includes(operation.kind)) return refused
      try {
        return this.#statements.run(operation)
      } catch (error) {
        return refusal(error)
      }
    })
  }

  #run(operation: Operation): Reply {
    if (operation.kind !== 'insert' || this.#reserve.isHeld) return this.#statements.run(operation)
    return this.#statements.known(operation) ?? FULL
  }

  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself: the first error says what happened.
    }
  }
}

const FULL: Reply = { kind: 'refused', code: 'storage_full', message: 'the disk is full' }

/** SQLite's primary result code; undefined for what is no error of SQLite. */
function codeOf(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}

function refusal(error: unknown): Reply {
  const message = error instanceof Error ? error.message : String(error)
  const code: Refusal = codeOf(error) === SQLITE_FULL ? 'storage_full' : 'storage_error'
  return { kind: 'refused', code, message }
}
