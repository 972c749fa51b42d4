import { existsSync } from 'node:fs'
import { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { SingleFlight } from '../../util/single-flight.ts'
import { type NetworkAnswer, networkAnswer, networkRows } from './answers/networks.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'
import { type Denied, type Firewall, type GuardedBridge, waysOut } from './firewall.ts'

export interface NetworkDeps {
  readonly client: DockerClient
  readonly firewall: Firewall
  readonly log: Log
  readonly installation: string
}

/** One network of an installation. */
export interface OwnNetworkOptions {
  readonly name: string
  /** Its interface on the host: at most 15 characters. */
  readonly bridge: string
  /** Internal in the Engine's words: no way out, and no ports of the host that lead to it. */
  readonly isInternal: boolean
  /** Sandboxes reach the outside under the host's address. */
  readonly hasMasquerade: boolean
  readonly denied: Denied
}

/** On everything of an installation that the Engine can label. */
export const INSTALLATION_LABEL = 'dev.errand.installation'
const REMOVE_DEADLINE_MS = 30_000

/** A bridge of our own, on which sandboxes do not see each other, nor what is denied to them. Made when first needed. */
export class OwnNetwork {
  readonly name: string
  readonly #place: GuardedBridge
  readonly #deps: NetworkDeps
  readonly #options: OwnNetworkOptions
  readonly #setting = new SingleFlight<void>()
  /** There, with its rules, as far as we know. */
  #isSet = false
  #wasSet = false
  /** The bridge has been seen: it was in this process's network namespace. */
  #isHere = false

  constructor(deps: NetworkDeps, options: OwnNetworkOptions) {
    this.name = options.name
    this.#place = { bridge: options.bridge, installation: deps.installation }
    this.#deps = deps
    this.#options = options
  }

  get bridge(): string {
    return this.#place.bridge
  }

  /** It has been there, with its rules, since this object was made. */
  get isMade(): boolean {
    return this.#wasSet
  }

  /** What is denied has to be kept from its sandboxes by rules. */
  get isFiltered(): boolean {
    const { host, privateNetworks, everything } = this.#options.denied
    return host || privateNetworks || everything === true
  }

  /**
   * Makes it, with its rules, if it is not there: for the first time, or because it was removed behind our back. Leaves
   * nothing when it fails.
   * @throws network_unavailable
   */
  async ensure(signal: AbortSignal): Promise<void> {
    // A look at the bridge instead of a question to the Engine: it comes before every start.
    const isThere = this.#isSet && (!this.#isHere || this.#hasBridge())
    if (!isThere) await this.#setting.join(this.name, (flight) => this.#set(flight), signal)
  }

  /** A sandbox could not be put on it: the next `ensure` asks the Engine. */
  suspect(): void {
    this.#isSet = false
  }

  /** Never fails. False when it stays, because sandboxes are on it: for the next to reuse, and with its rules. */
  async remove(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(REMOVE_DEADLINE_MS)
      const found = await findNetwork(this.#deps.client, this.name, signal)
      if (found !== undefined && this.#isOurs(found)) await this.#delete(signal)
      return true
    } catch (error) {
      this.#deps.log.warn({ err: error, network: this.name }, 'the network stays, with its firewall rules')
      return false
    }
  }

  async #set(signal: AbortSignal): Promise<void> {
    this.#isSet = false
    try {
      await this.#setUp(signal)
      this.#isSet = true
      this.#wasSet = true
    } catch (error) {
      if (!this.#wasSet && (await this.remove())) await this.#deps.firewall.unblock(this.#place)
      throw error
    }
  }

  async #setUp(signal: AbortSignal): Promise<void> {
    const { firewall } = this.#deps
    // The rules come before the bridge: there is no moment at which a sandbox could connect to the host.
    if (this.isFiltered) await firewall.block(this.#place, this.#options.denied)
    else await firewall.unblock(this.#place)
    await this.#make(signal)
    this.#isHere = this.#hasBridge()
    if (this.isFiltered) this.#assertBridgeIsHere()
  }

  #hasBridge(): boolean {
    return existsSync(`/sys/class/net/${this.bridge}`)
  }

  async #make(signal: AbortSignal): Promise<void> {
    const { client, installation, log } = this.#deps
    const found = await findNetwork(client, this.name, signal)
    const isWhole = !this.#isHere || this.#hasBridge()
    if (found !== undefined && isWhole && this.#fits(found)) return
    if (this.#wasSet) log.warn({ network: this.name }, 'the network of the tasks is gone; making it again')
    if (found !== undefined) {
      this.#assertReplaceable(found)
      await this.#delete(signal)
    }
    const body = {
      Name: this.name,
      CheckDuplicate: true,
      Driver: 'bridge',
      Internal: this.#options.isInternal,
      Options: this.#driverOptions(),
      Labels: { [INSTALLATION_LABEL]: installation },
    }
    const request = { operation: 'network', method: 'POST', path: '/networks/create', body } as const
    await client.change(request, signal)
  }

  #driverOptions(): Record<string, string> {
    return {
      'com.docker.network.bridge.name': this.bridge,
      'com.docker.network.bridge.enable_icc': 'false',
      ...(this.#options.hasMasquerade ? {} : { 'com.docker.network.bridge.enable_ip_masquerade': 'false' }),
    }
  }

  #fits(found: NetworkAnswer): boolean {
    const options = Object.entries(this.#driverOptions())
    return (
      this.#isOurs(found) &&
      found.Driver === 'bridge' &&
      found.Internal === this.#options.isInternal &&
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
        `host. Either ${waysOut(this.#options.denied)}`,
    )
  }

  async #delete(signal: AbortSignal): Promise<void> {
    const path = `/networks/${this.name}`
    await this.#deps.client.change({ operation: 'network', method: 'DELETE', path, accept: [404] }, signal)
  }
}

export async function findNetwork(
  client: DockerClient,
  name: string,
  signal: AbortSignal,
): Promise<NetworkAnswer | undefined> {
  const path = `/networks/${encodeURIComponent(name)}`
  const reply = await client.look({ operation: 'network', method: 'GET', path, accept: [404] }, signal)
  return reply.status === 404 ? undefined : readJson(networkAnswer, reply.body)
}

/** Names of the networks that carry an installation's label. */
export async function networksOf(
  client: DockerClient,
  installation: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const query = { filters: JSON.stringify({ label: [`${INSTALLATION_LABEL}=${installation}`] }) }
  const reply = await client.look({ operation: 'network', method: 'GET', path: '/networks', query }, signal)
  return new Set(readJson(networkRows, reply.body).map(({ Name }) => Name))
}
