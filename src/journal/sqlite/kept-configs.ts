import type { DatabaseSync } from 'node:sqlite'
import { type ConfigVersion, type KeptConfig, MOST_CONFIGS, type NewConfig } from '../config-journal.ts'

const LAST = 'SELECT version, hash, since_ms FROM configs ORDER BY version DESC LIMIT 1'
const FIND = 'SELECT version, hash, since_ms, config FROM configs WHERE version = ?'
const ADD = 'INSERT INTO configs (version, hash, since_ms, config) VALUES (?, ?, ?, ?)'
/** Asked once in the life of a file: a repair keeps the executions, and not the configurations that they name. */
const LAST_NAMED = `SELECT max(json_extract(record, '$.configVersion')) AS version FROM executions
  WHERE json_valid(record)`
const DROP = `DELETE FROM configs WHERE version <= ? AND version NOT IN
  (SELECT coalesce(json_extract(record, '$.configVersion'), 0) FROM executions
    WHERE is_settled = 0 AND json_valid(record))`

/** In a transaction of its caller. Nothing is written for the one that is the last already. */
export function keepConfig(database: DatabaseSync, { hash, sinceMs, config }: NewConfig): ConfigVersion {
  const last = database.prepare(LAST).get()
  if (last?.hash === hash) return toVersion(last)
  const before = last ?? database.prepare(LAST_NAMED).get()
  const version = Number(before?.version ?? 0) + 1
  database.prepare(ADD).run(version, hash, sinceMs, config)
  if (version > MOST_CONFIGS) database.prepare(DROP).run(version - MOST_CONFIGS)
  return { version, hash, sinceMs }
}

export function findConfig(database: DatabaseSync, version: number): KeptConfig | undefined {
  const row = database.prepare(FIND).get(version)
  return row && { ...toVersion(row), config: String(row.config) }
}

function toVersion({ version, hash, since_ms }: Record<string, unknown>): ConfigVersion {
  return { version: Number(version), hash: String(hash), sinceMs: Number(since_ms) }
}
