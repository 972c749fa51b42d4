import { isIPv4, isIPv6 } from 'node:net'

/** `name` or `[v6 literal]`, then perhaps a port. */
const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{0,5})?$/
/** The cache is for the few names that real clients use; strangers must not make it grow. */
const MAX_CACHED = 64

/**
 * Decides which Host headers a TCP listener answers to. A page that rebinds its own name to this machine's address
 * sends that name, so only names that cannot be rebound pass: IP literals, localhost, and those the operator allowed.
 */
export class HostAllowList {
  readonly #allowed: ReadonlySet<string>
  readonly #passed = new Set<string>()

  /** @param allowedHosts names, each good for every port unless it says one */
  constructor(allowedHosts: readonly string[]) {
    this.#allowed = new Set(['localhost', ...allowedHosts.map((host) => host.toLowerCase())])
  }

  allows(host: string): boolean {
    if (this.#passed.has(host)) return true
    const isAllowed = this.#judge(host.toLowerCase())
    if (isAllowed && this.#passed.size < MAX_CACHED) this.#passed.add(host)
    return isAllowed
  }

  #judge(host: string): boolean {
    const name = AUTHORITY.exec(host)?.[1]
    if (name === undefined) return false
    if (name.startsWith('[')) return isIPv6(name.slice(1, -1))
    return isIPv4(name) || this.#allowed.has(name) || this.#allowed.has(host)
  }
}
