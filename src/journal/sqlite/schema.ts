import { copyFileSync, existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** Step N leads from version N to N + 1. Never changed once released: a new one is added. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE executions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    executor TEXT NOT NULL,
    id TEXT NOT NULL,
    caller TEXT NOT NULL,
    status TEXT NOT NULL,
    accepted_ms INTEGER NOT NULL,
    is_settled INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (executor, id)
  ) STRICT;
  CREATE INDEX unsettled ON executions (executor, seq) WHERE is_settled = 0;
  CREATE INDEX by_caller ON executions (executor, caller, seq);
  CREATE INDEX by_status ON executions (executor, status, seq);
  CREATE TABLE keys (
    executor TEXT NOT NULL,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (executor, caller, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX keys_by_id ON keys (executor, id);
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    executor TEXT NOT NULL,
    id TEXT NOT NULL,
    caller TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT
  ) STRICT;
  `,
]

/** What this program writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length

/** A database that a newer program has written. */
export class NewerSchema extends Error {
  constructor(path: string, version: number) {
    super(
      `${path} was written by a newer version of Errand (schema ${version}; this one knows ${SCHEMA_VERSION}): ` +
        `use that version, or the copy ${backupPath(path, SCHEMA_VERSION)} if there is one`,
    )
  }
}

export function backupPath(path: string, version: number): string {
  return `${path}.v${version}.bak`
}

/** Brings a database to `SCHEMA_VERSION` in one transaction; a copy of what it was is kept beside it. @throws NewerSchema */
export function migrate(database: DatabaseSync, path: string): void {
  const version = versionOf(database)
  if (version > SCHEMA_VERSION) throw new NewerSchema(path, version)
  if (version === SCHEMA_VERSION) return
  if (version > 0) keepCopy(database, path, version)
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const step of MIGRATIONS.slice(version)) database.exec(step)
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0)
}

function keepCopy(database: DatabaseSync, path: string, version: number): void {
  const copy = backupPath(path, version)
  if (existsSync(copy)) return
  // Everything has to be in the one file first.
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  copyFileSync(path, copy)
}
