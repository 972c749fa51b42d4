import { existsSync } from 'node:fs'
import { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { SingleFlight } from '../../util/single-flight.ts'
import type { DockerClient } from './client.ts'
import type { Denied, Firewall } from './firewall.ts'
import { type NetworkAnswer, networkAnswer, readJson } from './schemas.ts'

/** Which network sandboxes are put on. */
export type NetworkOptions = OwnNetworkOptions | { readonly kind: 'named'; readonly name: string }

interface OwnNetworkOptions {
  readonly kind: 'own'
  /** No way out of the host. */
  readonly isInternal: boolean
  /** `deny` keeps tasks off every service of this host; where that cannot be done, opening is refused. */
  readonly hostAccess: 'deny' | 'allow'
  /** `deny` keeps tasks off private addresses, whoever has them: the network that this host stands in. */
  readonly privateNetworks: 'deny' | 'allow'
}

/** The network of one engine. Disposing takes it away again where we made it; never fails. */
export interface SandboxNetwork extends AsyncDisposable {
  readonly name: string
  /** Makes it again, with its rules, if it was removed behind our back. @throws network_unavailable */
  ensure(signal: AbortSignal): Promise<void>
  /** A sandbox could not be put on it: the next `ensure` asks the Engine. */
  suspect(): void
}

interface NetworkDeps {
  readonly client: DockerClient
  readonly firewall: Firewall
  readonly log: Log
  readonly installation: string
}

/** On everything of an installation that the Engine can label. */
export const INSTALLATION_LABEL = 'dev.errand.installation'
/** With a prefix of three letters as much as an interface name holds: 15 characters. */
const SHORT_ID_LENGTH = 12
/** Sandboxes on them share the host's own network, or have none to be reached on. */
const UNFIT_DRIVERS: readonly string[] = ['host', 'null']
const DISPOSE_DEADLINE_MS = 30_000

/** @throws network_unavailable, leaving nothing behind */
export async function openNetwork(
  deps: NetworkDeps,
  options: NetworkOptions,
  signal: AbortSignal,
): Promise<SandboxNetwork> {
  if (options.kind === 'named') return useNamed(deps.client, options.name, signal)
  const network = new OwnNetwork(deps, options)
  try {
    await network.set(signal)
    return network
  } catch (error) {
    await network[Symbol.asyncDispose]()
    throw error
  }
}

async function useNamed(client: DockerClient, asked: string, signal: AbortSignal): Promise<SandboxNetwork> {
  const found = await findNetwork(client, asked, signal)
  if (found === undefined) {
    throw new ErrandError('network_unavailable', `the Docker Engine has no network called ${asked} (docker.network)`)
  }
  if (UNFIT_DRIVERS.includes(found.Driver)) {
    throw new ErrandError('network_unavailable', `tasks cannot run on the network ${found.Name} (docker.network)`)
  }
  // Whoever made it makes it again.
  return { name: found.Name, ensure: async () => {}, suspect() {}, [Symbol.asyncDispose]: async () => {} }
}

/** A bridge of our own, on which sandboxes do not see each other, nor this host unless that is allowed. */
class OwnNetwork implements SandboxNetwork {
  readonly name: string
  readonly #bridge: string
  readonly #deps: NetworkDeps
  readonly #options: OwnNetworkOptions
  readonly #setting = new SingleFlight<void>()
  #isSuspect = false
  /** The bridge has been seen: it was in this process's network namespace. */
  #isHere = false

  constructor(deps: NetworkDeps, options: OwnNetworkOptions) {
    const shortId = deps.installation.slice(0, SHORT_ID_LENGTH)
    this.name = `errand-${shortId}`
    this.#bridge = `er-${shortId}`
    this.#deps = deps
    this.#options = options
  }

  async ensure(signal: AbortSignal): Promise<void> {
    // A look at the bridge instead of a question to the Engine: it comes before every start.
    const isLost = this.#isSuspect || (this.#isHere && !this.#hasBridge())
    if (isLost) await this.#setting.join(this.name, (flight) => this.#setAgain(flight), signal)
  }

  suspect(): void {
    this.#isSuspect = true
  }

  async set(signal: AbortSignal): Promise<void> {
    const { firewall, installation } = this.#deps
    const { isInternal, hostAccess, privateNetworks } = this.#options
    const denied: Denied = { host: hostAccess === 'deny', privateNetworks: privateNetworks === 'deny' }
    const isFiltered = denied.host || denied.privateNetworks
    // The rules come before the bridge: there is no moment at which a sandbox could connect to the host.
    if (isFiltered) await firewall.block(this.#bridge, installation, denied)
    else await firewall.unblock(installation)
    await this.#make(isInternal, signal)
    this.#isHere = this.#hasBridge()
    if (isFiltered) this.#assertBridgeIsHere()
  }

  /** Sandboxes may outlive the engine; then their network stays for the next one to reuse, and so do the rules. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { client, firewall, installation, log } = this.#deps
    try {
      const signal = AbortSignal.timeout(DISPOSE_DEADLINE_MS)
      const found = await findNetwork(client, this.name, signal)
      if (found !== undefined && this.#isOurs(found)) await this.#remove(signal)
      await firewall.unblock(installation)
    } catch (error) {
      log.warn({ err: error, network: this.name }, 'the network stays, with its firewall rules')
    }
  }

  async #setAgain(signal: AbortSignal): Promise<void> {
    this.#deps.log.warn({ network: this.name }, 'the network of the tasks may be gone; making it again')
    this.#isSuspect = true
    await this.set(signal)
    this.#isSuspect = false
  }

  #hasBridge(): boolean {
    return existsSync(`/sys/class/net/${this.#bridge}`)
  }

  async #make(isInternal: boolean, signal: AbortSignal): Promise<void> {
    const found = await findNetwork(this.#deps.client, this.name, signal)
    const isWhole = !this.#isHere || this.#hasBridge()
    if (found !== undefined && isWhole && this.#fits(found, isInternal)) return
    if (found !== undefined) {
      this.#assertReplaceable(found)
      await this.#remove(signal)
    }
    const body = {
      Name: this.name,
      CheckDuplicate: true,
      Driver: 'bridge',
      Internal: isInternal,
      Options: this.#driverOptions(),
      Labels: { [INSTALLATION_LABEL]: this.#deps.installation },
    }
    const request = { operation: 'network', method: 'POST', path: '/networks/create', body } as const
    await this.#deps.client.change(request, signal)
  }

  #driverOptions(): Record<string, string> {
    return {
      'com.docker.network.bridge.name': this.#bridge,
      'com.docker.network.bridge.enable_icc': 'false',
    }
  }

  #fits(found: NetworkAnswer, isInternal: boolean): boolean {
    const options = Object.entries(this.#driverOptions())
    return (
      this.#isOurs(found) &&
      found.Driver === 'bridge' &&
      found.Internal === isInternal &&
      options.every(([key, value]) => found.Options[key] === value)
    )
  }

  #isOurs(found: NetworkAnswer): boolean {
    return found.Labels[INSTALLATION_LABEL] === this.#deps.installation
  }

  #assertReplaceable(found: NetworkAnswer): void {
    if (!this.#isOurs(found)) {
      throw new ErrandError('network_unavailable', `the network ${this.name} is there already and is not ours`)
    }
    if (Object.keys(found.Containers).length > 0) {
      throw new ErrandError(
        'network_unavailable',
        `the network ${this.name} of an earlier run has other settings, and containers still run on it`,
      )
    }
  }

  /** An Engine in another network namespace, or on another machine, has its bridges where our rule does not bind. */
  #assertBridgeIsHere(): void {
    if (this.#isHere) return
    throw new ErrandError(
      'network_unavailable',
      "the Docker Engine's bridges are not in this process's network namespace, so that tasks cannot be kept off its " +
        'host. Either name a network of yours with docker.network, or accept it with tasks.hostAccess: allow',
    )
  }

  async #remove(signal: AbortSignal): Promise<void> {
    const path = `/networks/${this.name}`
    await this.#deps.client.change({ operation: 'network', method: 'DELETE', path, accept: [404] }, signal)
  }
}

async function findNetwork(
  client: DockerClient,
  name: string,
  signal: AbortSignal,
): Promise<NetworkAnswer | undefined> {
  const path = `/networks/${encodeURIComponent(name)}`
  const reply = await client.look({ operation: 'network', method: 'GET', path, accept: [404] }, signal)
  return reply.status === 404 ? undefined : readJson(networkAnswer, reply.body)
}
