import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { ConfigJournal, ConfigVersion, KeptConfig } from '../journal/config-journal.ts'
import { abortable } from '../util/abort.ts'
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

  /** What is in force; undefined as long as nothing could be kept. */
  get current(): ConfigVersion | undefined {
    return this.#current
  }

  /** @throws not_found for one that is not kept, or not any more; what the journal throws */
  async load(version: number): Promise<KeptConfig> {
    const kept = await this.#deps.journal.findConfig(version)
    if (kept === undefined) throw new ErrandError('not_found', `there is no version ${version} of the configuration`)
    return kept
  }

  /** Before it is in force. @throws what the journal throws; signal.reason. It is not in force then, and may be kept. */
  async keep(grant: Grant, signal: AbortSignal): Promise<ConfigVersion> {
    const { journal, describe, clock } = this.#deps
    const config = canonicalJson(describe(grant))
    const hash = createHash('sha256').update(config).digest('hex')
    this.#current = await abortable(journal.keepConfig({ hash, config, sinceMs: clock.wallMs() }), signal)
    return this.#current
  }
}
