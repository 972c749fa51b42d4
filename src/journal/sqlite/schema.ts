import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** Step N leads from version N to N + 1. Never changed once released: a new one is added. */
export const MIGRATIONS: readonly string[] = [
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
  // Every list can be made from one index in the order of seq, times included.
  `
  ALTER TABLE executions ADD COLUMN job TEXT;
  UPDATE executions SET job = json_extract(record, '$.jobId') WHERE json_valid(record);
  DROP INDEX by_caller;
  DROP INDEX by_status;
  CREATE INDEX by_caller ON executions (executor, caller, seq, accepted_ms);
  CREATE INDEX by_status ON executions (executor, status, seq, accepted_ms);
  CREATE INDEX by_caller_and_status ON executions (executor, caller, status, seq, accepted_ms);
  CREATE INDEX by_job ON executions (executor, job, seq, accepted_ms);
  CREATE INDEX by_time ON executions (executor, seq, accepted_ms);
  CREATE TABLE labels (
    executor TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    seq INTEGER NOT NULL,
    caller TEXT NOT NULL,
    accepted_ms INTEGER NOT NULL,
    PRIMARY KEY (executor, key, value, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX labels_by_seq ON labels (seq);
  INSERT INTO labels
    SELECT executor, label.key, label.value, seq, caller, accepted_ms
    FROM executions, json_each(iif(json_valid(record), record, '{}'), '$.request.labels') AS label
    WHERE label.type = 'text';
  CREATE TRIGGER forget_labels AFTER DELETE ON executions BEGIN
    DELETE FROM labels WHERE seq = OLD.seq;
  END;
  `,
  // Of the node, whatever it is called. Records name versions; those of before name none.
  `
  CREATE TABLE configs (
    version INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    config TEXT NOT NULL
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

/**
 * Brings a database to the newest version in one transaction; a copy of what it was is kept beside it.
 * @throws NewerSchema
 */
export function migrate(database: DatabaseSync, path: string, steps: readonly string[] = MIGRATIONS): void {
  const version = versionOf(database)
  if (version > steps.length) throw new NewerSchema(path, version)
  if (version === steps.length) return
  if (version > 0) keepCopy(database, path, version)
  database.exec('BEGIN IMMEDIATE')
  try {
    for (const step of steps.slice(version)) database.exec(step)
    database.exec(`PRAGMA user_version = ${steps.length}`)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
  // Without its log it is still known for what it is.
  checkpoint(database)
}

export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0)
}

/** Either the whole copy is there, or none. */
function keepCopy(database: DatabaseSync, path: string, version: number): void {
  const copy = backupPath(path, version)
  if (existsSync(copy)) return
  // Everything has to be in the one file first.
  checkpoint(database)
  copyFileSync(path, `${copy}.draft`)
  sync(`${copy}.draft`)
  renameSync(`${copy}.draft`, copy)
  sync(dirname(copy))
}

function checkpoint(database: DatabaseSync): void {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
