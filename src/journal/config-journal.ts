/** Which configuration a node runs with, or has run with. */
export interface ConfigVersion {
  /** From 1: each change of what a node runs with is one more. */
  readonly version: number
  /** SHA-256 of its canonical JSON, in hexadecimal. */
  readonly hash: string
  /** Since when; wall time, milliseconds since the Unix epoch. */
  readonly sinceMs: number
}

/** What a node begins to run with. */
export interface NewConfig extends Omit<ConfigVersion, 'version'> {
  /** Canonical JSON, without secrets. */
  readonly config: string
}

export interface KeptConfig extends NewConfig, ConfigVersion {}

/** So many of the youngest are kept; of those before them what an execution names that has not come to its last word. */
export const MOST_CONFIGS = 100

/**
 * Where the configurations of a node are remembered, beside its executions: theirs are in the field `configVersion` of
 * their records.
 */
export interface ConfigJournal {
  /**
   * Keeps what the node runs with from now on. The youngest that is kept, by its hash, is told and stays as it is; any
   * other is a new version, greater than every one before it that is kept or that a record names.
   * @throws storage_full; storage_error; nothing has changed then
   */
  keepConfig(config: NewConfig): Promise<ConfigVersion>
  /** Undefined for one that is not kept, or not any more. @throws storage_error */
  findConfig(version: number): Promise<KeptConfig | undefined>
}
