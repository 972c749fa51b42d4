import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { ConfigJournal, ConfigVersion } from '../journal/config-journal.ts'
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

  /** @throws what the journal throws; nothing has changed then */
  async keep(grant: Grant): Promise<ConfigVersion> {
    const { journal, describe, clock } = this.#deps
    const config = canonicalJson(describe(grant))
    const hash = createHash('sha256').update(config).digest('hex')
    this.#current = await journal.keepConfig({ hash, config, sinceMs: clock.wallMs() })
    return this.#current
  }
}
