import { ErrandError } from '../../core/errors.ts'
import type { SandboxNetworkKind, SandboxSpec } from '../engine.ts'
import type { NetworkAnswer } from './answers/networks.ts'
import type { DockerClient } from './client.ts'
import type { Denied } from './firewall.ts'
import { isConnected, readRoutes } from './neighbourhood.ts'
import { findNetwork, type NetworkDeps, networksOf, OwnNetwork, type OwnNetworkOptions } from './own-network.ts'

/** Which network the sandboxes of warm tasks are put on; `absent` where there are none. */
export type NetworkOptions =
  | OwnTasksNetwork
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'absent' }

interface OwnTasksNetwork extends AccessOptions {
  readonly kind: 'own'
  /** No way out of the host. */
  readonly isInternal: boolean
}

interface AccessOptions {
  /** `deny` keeps tasks off every service of this host; where that cannot be done, a sandbox is refused its network. */
  readonly hostAccess: 'deny' | 'allow'
  /** `deny` keeps tasks off private addresses, whoever has them: the network that this host stands in. */
  readonly privateNetworks: 'deny' | 'allow'
}

/** What executions may use beside the networks that lead nowhere. */
export interface ExecutionNetworkOptions extends Partial<AccessOptions> {
  /** The network `egress`; what it may reach is as for warm tasks unless it is said here. */
  readonly allowEgress: boolean
}

/** With a prefix of three letters as much as an interface name holds: 15 characters. */
const SHORT_ID_LENGTH = 12
/** Sandboxes on them share the host's own network, or have none to be reached on. */
const UNFIT_DRIVERS: readonly string[] = ['host', 'null']

const DISPOSE_DEADLINE_MS = 30_000

const NOTHING_ALLOWED: Denied = { host: true, privateNetworks: true, everything: true }
const DEFAULT_ACCESS: AccessOptions = { hostAccess: 'deny', privateNetworks: 'allow' }

/**
 * The networks of one engine: that of the warm tasks from the beginning, the others when they are first needed.
 * Disposing takes those that we made away again, also those that an earlier run left; never fails.
 */
export class SandboxNetworks implements AsyncDisposable {
  readonly #deps: NetworkDeps
  /** What `tasks` means: a network of ours, the name of another, or nothing. */
  readonly #tasks: OwnNetwork | string | undefined
  /** Where the network of the tasks is another one now, what an earlier run has left of it is taken away at the end. */
  readonly #ownTasks: OwnNetwork
  readonly #internal: OwnNetwork
  /** Like `internal`, for ports: the Engine leads none to a network that is internal in its words. */
  readonly #published: OwnNetwork
  readonly #egress: OwnNetwork
  readonly #allowsEgress: boolean

  private constructor(
    deps: NetworkDeps,
    named: string | undefined,
    options: NetworkOptions,
    executions: ExecutionNetworkOptions,
  ) {
    const own = (kind: OwnKind, choice: Choice): OwnNetwork => new OwnNetwork(deps, ownOptions(deps, kind, choice))
    const access = { ...DEFAULT_ACCESS, ...options }
    const tasks = { isInternal: options.kind === 'own' && options.isInternal, denied: deniedBy(access) }
    this.#deps = deps
    this.#ownTasks = own('tasks', tasks)
    this.#tasks = options.kind === 'own' ? this.#ownTasks : named
    this.#internal = own('internal', { isInternal: true, denied: NOTHING_ALLOWED })
    this.#published = own('published', { isInternal: false, hasMasquerade: false, denied: NOTHING_ALLOWED })
    this.#egress = own('egress', { isInternal: false, denied: deniedBy({ ...access, ...executions }) })
    this.#allowsEgress = executions.allowEgress
  }

  /** @throws network_unavailable, leaving nothing behind */
  static async open(
    deps: NetworkDeps,
    options: NetworkOptions,
    executions: ExecutionNetworkOptions,
    signal: AbortSignal,
  ): Promise<SandboxNetworks> {
    const named = options.kind === 'named' ? await findNamedNetwork(deps.client, options.name, signal) : undefined
    const networks = new SandboxNetworks(deps, named, options, executions)
    if (networks.#tasks instanceof OwnNetwork) await networks.#tasks.ensure(signal)
    return networks
  }

  /** Those that a sandbox can be put on, as far as that can be told before it is tried. */
  async kinds(): Promise<ReadonlySet<SandboxNetworkKind>> {
    const hasRules = await this.#deps.firewall.isUsable()
    return new Set<SandboxNetworkKind>([
      'none',
      ...(this.#tasks === undefined ? [] : ['tasks' as const]),
      ...(hasRules ? ['internal' as const] : []),
      ...(this.#allowsEgress && (hasRules || !this.#egress.isFiltered) ? ['egress' as const] : []),
    ])
  }

  /**
   * The Engine's name of the network for a sandbox; makes it, with its rules, if it is not there.
   * @throws network_unavailable
   */
  async ensure({ network, ports = [] }: Pick<SandboxSpec, 'network' | 'ports'>, signal: AbortSignal): Promise<string> {
    switch (network) {
      case 'none':
        return 'none'
      case 'tasks':
        return ensured(this.#tasks, signal)
      case 'internal':
        return ensured(ports.length === 0 ? this.#internal : this.#published, signal)
      case 'egress':
        this.#assertEgress()
        return ensured(this.#egress, signal)
      default:
        return network satisfies never
    }
  }

  /** A sandbox could not be put on one of them. */
  suspect(): void {
    for (const network of this.#own()) network.suspect()
  }

  /** Sandboxes may outlive the engine; then their network stays for the next one to reuse, and so do the rules. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { client, firewall, installation, log } = this.#deps
    try {
      const present = await networksOf(client, installation, AbortSignal.timeout(DISPOSE_DEADLINE_MS))
      const found = this.#own().filter(({ name }) => present.has(name))
      const isRemoved = await Promise.all(found.map((network) => network.remove()))
      const staying = found.filter((_network, index) => isRemoved[index] === false).map(({ bridge }) => bridge)
      if (found.length > 0 || this.#hasOwn()) await firewall.clear(installation, staying)
    } catch (error) {
      log.warn({ err: error }, 'the networks stay, with their firewall rules')
    }
  }

  /** Only then can there be rules without a network. */
  #hasOwn(): boolean {
    return this.#own().some((network) => network === this.#tasks || network.isMade)
  }

  #own(): OwnNetwork[] {
    return [this.#ownTasks, this.#internal, this.#published, this.#egress]
  }

  #assertEgress(): void {
    if (this.#allowsEgress) return
    throw new ErrandError(
      'network_unavailable',
      'executions may not reach out of this host; its operator allows it with executions.network: egress, ' +
        'a program with allowEgress',
    )
  }
}

type OwnKind = 'tasks' | 'internal' | 'published' | 'egress'

/** Of the network and of its interface; the latter has two letters. */
const NAMES: Readonly<Record<OwnKind, { readonly suffix: string; readonly bridge: string }>> = {
  tasks: { suffix: '', bridge: 'er' },
  internal: { suffix: '-internal', bridge: 'ei' },
  published: { suffix: '-published', bridge: 'ep' },
  egress: { suffix: '-egress', bridge: 'ee' },
}

interface Choice {
  readonly isInternal: boolean
  readonly hasMasquerade?: boolean
  readonly denied: Denied
}

function ownOptions({ installation }: NetworkDeps, kind: OwnKind, choice: Choice): OwnNetworkOptions {
  const shortId = installation.slice(0, SHORT_ID_LENGTH)
  const { suffix, bridge } = NAMES[kind]
  return { hasMasquerade: true, ...choice, name: `errand-${shortId}${suffix}`, bridge: `${bridge}-${shortId}` }
}

function deniedBy({ hostAccess, privateNetworks }: AccessOptions): Denied {
  return { host: hostAccess === 'deny', privateNetworks: privateNetworks === 'deny' }
}

async function ensured(network: OwnNetwork | string | undefined, signal: AbortSignal): Promise<string> {
  if (network === undefined) throw new ErrandError('network_unavailable', 'there is no network for warm tasks here')
  if (typeof network === 'string') return network
  await network.ensure(signal)
  return network.name
}

/**
 * The name of a network of somebody else, who makes it again if it is removed.
 * @throws network_unavailable where tasks cannot be put on it
 */
export async function findNamedNetwork(client: DockerClient, asked: string, signal: AbortSignal): Promise<string> {
  const found = await findNetwork(client, asked, signal)
  if (found === undefined) {
    throw new ErrandError('network_unavailable', `the Docker Engine has no network called ${asked} (docker.network)`)
  }
  if (UNFIT_DRIVERS.includes(found.Driver)) {
    throw new ErrandError('network_unavailable', `tasks cannot run on the network ${found.Name} (docker.network)`)
  }
  await assertReachable(found)
  return found.Name
}

/** The Engine shuts bridges off from one another: only the host, and who is connected to one, reaches what is on it. */
async function assertReachable({ Name, Driver, IPAM }: NetworkAnswer): Promise<void> {
  const subnets = IPAM.filter((subnet) => !subnet.includes(':'))
  if (Driver !== 'bridge' || subnets.length === 0 || isConnected(subnets, await readRoutes())) return
  throw new ErrandError(
    'network_unavailable',
    `this process is not on the network ${Name} (docker.network), so that it cannot reach tasks there. If it runs in a ` +
      `container, connect that: docker run --network ${Name} ...`,
  )
}
