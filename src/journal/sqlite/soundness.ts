import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Reserve } from './reserve.ts'
import { NewerSchema, SCHEMA_VERSION, versionOf } from './schema.ts'

/** SQLITE_CORRUPT, SQLITE_NOTADB; SQLITE_IOERR_SHORT_READ is what a file that ends too early says. */
const DAMAGE_CODES: ReadonlySet<number> = new Set([11, 26, 522])

/** A journal's file is not as it was written. */
export class Damaged extends Error {
  readonly reason: string

  constructor(reason: string) {
    super(`it is damaged (${reason}); \`errand repair\` makes it usable again`)
    this.reason = reason
  }
}

/**
 * Looks at a journal's file, or at a copy of it, and changes nothing about it. What it does not find: changed bytes inside records and
 * indexes, and commits that lay in a write-ahead log that was taken away whole.
 * @throws Damaged; NewerSchema; what SQLite throws for a file that it cannot get at
 */
export function assertSound(path: string, copy: string = path): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (bytes === 0) {
    if (Reserve.isKnown(path)) throw new Damaged('it is empty, and was not')
    return
  }
  try {
    using database = new DatabaseSync(copy, { readOnly: true, timeout: 5000 })
    look(database, path)
  } catch (error) {
    throw isDamage(error) ? new Damaged(error.message) : error
  }
}

function look(database: DatabaseSync, path: string): void {
  const version = versionOf(database)
  if (version > SCHEMA_VERSION) throw new NewerSchema(path, version)
  const [check] = database.prepare('PRAGMA quick_check(1)').all()
  if (check?.quick_check !== 'ok') throw new Damaged(String(check?.quick_check).replaceAll('\n', ' '))
  if (version > 0) assertReadable(database)
}

/** What has not ended is taken up at the next start: each of them has to be there. */
function assertReadable(database: DatabaseSync): void {
  const sql = 'SELECT id FROM executions WHERE is_settled = 0 AND NOT json_valid(record) LIMIT 1'
  const broken = database.prepare(sql).get()
  if (broken !== undefined) throw new Damaged(`the record of ${String(broken.id)} cannot be read`)
}

function isDamage(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error && DAMAGE_CODES.has(Number(error.errcode))
}
