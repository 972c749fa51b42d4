import { readFile } from 'node:fs/promises'
import type { Log } from '../core/log.ts'
import type { RegistryCredentials } from '../engine/engine.ts'
import { askHelper } from './credential-helper.ts'
import { type DockerConfig, helperFor, parseDockerConfig, storedCredentials } from './docker-config.ts'
import type { CredentialSource } from './puller.ts'

export interface RegistryAccountsOptions {
  /** A Docker config file; one that does not exist means that every pull is anonymous. */
  readonly path: string
  readonly log: Log
  /** How long a credential helper may take; default 10 s. */
  readonly helperTimeoutMs?: number
}

const HELPER_TIMEOUT_MS = 10_000

/**
 * The accounts of a Docker config file, its helpers included. Read at every pull, so that `docker login` counts at once.
 * What cannot be read is warned of, and the pull goes on without: many images need no account.
 */
export class RegistryAccounts implements CredentialSource {
  readonly #options: RegistryAccountsOptions

  constructor(options: RegistryAccountsOptions) {
    this.#options = options
  }

  async find(registry: string, signal: AbortSignal): Promise<RegistryCredentials | undefined> {
    signal.throwIfAborted()
    const config = await this.#read()
    if (config === undefined) return undefined
    const helper = helperFor(config, registry)
    const stored = storedCredentials(config, registry)
    if (helper === undefined) return stored
    const answer = await askHelper(helper, registry, this.#options.helperTimeoutMs ?? HELPER_TIMEOUT_MS, signal)
    if (answer.kind === 'found') return answer.credentials
    if (answer.kind === 'failed') {
      const message = `the credential helper failed: ${answer.reason}; pulling without it`
      this.#options.log.warn({ helper, registry }, message)
    }
    return stored
  }

  async #read(): Promise<DockerConfig | undefined> {
    const { path, log } = this.#options
    try {
      const config = parseDockerConfig(await readFile(path, 'utf8'))
      if (config === undefined)
        log.warn({ path }, 'docker.registryConfig is no Docker config file; pulling anonymously')
      return config
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') log.warn({ path, code }, 'docker.registryConfig cannot be read; pulling anonymously')
      return undefined
    }
  }
}
