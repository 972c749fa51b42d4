import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Reserve } from './reserve.ts'
import { NewerSchema, SCHEMA_VERSION, versionOf } from './schema.ts'

/**
 * Looks at a journal's file, and changes nothing about it. What it does not find: changed bytes inside records and
 * indexes, and commits that lay in a write-ahead log that was taken away whole.
 * @throws NewerSchema; what SQLite throws for a file that is none of its own; an Error that says what is damaged
 */
export function assertSound(path: string): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (bytes === 0) {
    if (Reserve.isKnown(path)) throw new Error('it is empty, and was not')
    return
  }
  using database = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  const version = versionOf(database)
  if (version > SCHEMA_VERSION) throw new NewerSchema(path, version)
  const [check] = database.prepare('PRAGMA quick_check(1)').all()
  if (check?.quick_check !== 'ok') throw new Error(`it is damaged: ${String(check?.quick_check)}`)
  if (version > 0) assertReadable(database)
}

/** What has not ended is taken up at the next start: each of them has to be there. */
function assertReadable(database: DatabaseSync): void {
  const sql = 'SELECT id FROM executions WHERE is_settled = 0 AND NOT json_valid(record) LIMIT 1'
  const broken = database.prepare(sql).get()
  if (broken !== undefined) throw new Error(`it is damaged: the record of ${String(broken.id)} cannot be read`)
}
