import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { ConfigJournal, ConfigVersion, KeptConfig } from '../journal/config-journal.ts'
import { canonicalJson } from '../util/canonical-json.ts'
import type { Grant } from './node-api.ts'

interface ConfigHistoryDeps {
  readonly journal: ConfigJournal
  /** All that a node runs with under a grant: what JSON can carry, and no secret. */
  readonly describe: (grant: Grant) => object
  readonly clock: Clock
}

/** Keeps each configuration that a node runs with, before it does, so that what it accepts can name the version. */
export class ConfigHistory {
  readonly #deps: ConfigHistoryDeps
  #current: ConfigVersion | undefined

  constructor(deps: ConfigHistoryDeps) {
    this.#deps = deps
  }

  /** What was kept last; undefined as long as nothing could be. */
  get current(): ConfigVersion | undefined {
    return this.#current
  }

  /** @throws not_found for one that is not kept, or not any more; what the journal throws */
  async load(version: number): Promise<KeptConfig> {
    const kept = await this.#deps.journal.findConfig(version)
    if (kept === undefined) throw new ErrandError('not_found', `there is no version ${version} of the configuration`)
    return kept
  }

  /** @throws what the journal throws; nothing has changed then */
  async keep(grant: Grant): Promise<ConfigVersion> {
    const { journal, describe, clock } = this.#deps
    const config = canonicalJson(describe(grant))
    const hash = createHash('sha256').update(config).digest('hex')
    this.#current = await journal.keepConfig({ hash, config, sinceMs: clock.wallMs() })
    return this.#current
  }
}
