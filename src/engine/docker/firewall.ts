import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { ErrandError } from '../../core/errors.ts'

type Tool = 'iptables' | 'ip6tables'

/** What sandboxes behind a bridge are kept off. */
export interface Denied {
  /** This host itself, on every address, and link-local addresses: those of a cloud's metadata service. */
  readonly host: boolean
  /** Addresses of private networks, such as the one that this host stands in. */
  readonly privateNetworks: boolean
  /** Whatever they begin themselves, wherever it leads. */
  readonly everything?: boolean
}

/** One rule, without the bridge and the mark by which we know it. */
interface Rule {
  readonly table: string
  readonly chain: string
  /** A range of addresses; undefined for whatever takes this chain. */
  readonly destination?: string
}

/** A bridge of an installation. */
export interface GuardedBridge {
  readonly bridge: string
  readonly installation: string
}

const INPUT = { table: 'filter', chain: 'INPUT' }
/**
 * Where packets pass before their destination is rewritten, so that a metadata service to which the host redirects them
 * is shut off too. The Docker Engine leaves this chain alone; in FORWARD it puts its own ACCEPT first at every start.
 */
const ARRIVAL = { table: 'mangle', chain: 'PREROUTING' }
const PLACES: readonly Rule[] = [INPUT, ARRIVAL]

const LINK_LOCAL: Record<Tool, readonly string[]> = { iptables: ['169.254.0.0/16'], ip6tables: ['fe80::/10'] }
/** RFC 1918, the shared addresses of RFC 6598 (which some clouds use for themselves), and RFC 4193. */
const PRIVATE: Record<Tool, readonly string[]> = {
  iptables: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'],
  ip6tables: ['fc00::/7'],
}

/** Root's folders: a user's PATH often lacks them. */
const TOOL_FOLDERS = '/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin'
/** Longer than the tool's own wait for its lock. */
const TOOL_DEADLINE_MS = 10_000
const LOCK_SECONDS = '5'
/** A host with very many rules of others. */
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024

/** Keeps what runs behind a bridge off this host, by rules for IPv4 and IPv6 that carry the installation's comment. */
export class Firewall {
  readonly #folders: string
  readonly #tools: readonly Tool[]

  /** `folders` as in PATH: where the tools are looked for. */
  constructor(folders: string = TOOL_FOLDERS) {
    this.#folders = folders
    this.#tools = existsSync('/proc/net/if_inet6') ? ['iptables', 'ip6tables'] : ['iptables']
  }

  /** Whether rules can be read, as far as that tells whether they can be set. */
  async isUsable(): Promise<boolean> {
    const looks = this.#tools.map((tool) => this.#run(tool, ARRIVAL, ['-S', ARRIVAL.chain]))
    return (await Promise.allSettled(looks)).every(({ status }) => status === 'fulfilled')
  }

  /**
   * Drops every packet from the bridge to what is denied, unless it answers something that came from there. Replaces
   * what an earlier run left without a gap. Leaves nothing when it fails.
   * @throws network_unavailable
   */
  async block(place: GuardedBridge, denied: Denied): Promise<void> {
    try {
      for (const tool of this.#tools) await this.#replace(tool, place, rulesFor(tool, denied))
    } catch (cause) {
      await this.unblock(place)
      const why = cause instanceof Error ? cause.message.trim() : String(cause)
      throw new ErrandError(
        'network_unavailable',
        `tasks cannot be kept off ${describe(denied)} (${why}). Either run as root with iptables installed, or ` +
          waysOut(denied),
        { cause },
      )
    }
  }

  /** Removes every rule of the bridge. Never fails: without the tools there is none. */
  async unblock({ bridge, installation }: GuardedBridge): Promise<void> {
    await this.#clear((words) => isMarked(words, installation) && isOf(words, bridge))
  }

  /** Removes every rule of the installation but those of the bridges that stay. Never fails. */
  async clear(installation: string, staying: readonly string[]): Promise<void> {
    await this.#clear((words) => isMarked(words, installation) && !staying.some((bridge) => isOf(words, bridge)))
  }

  async #replace(tool: Tool, place: GuardedBridge, wanted: readonly Rule[]): Promise<void> {
    const isOld = (words: readonly string[]): boolean =>
      isMarked(words, place.installation) && isOf(words, place.bridge)
    const old = await Promise.all(PLACES.map((chain) => this.#find(tool, chain, isOld)))
    for (const rule of wanted) await this.#run(tool, rule, ['-I', rule.chain, '1', ...matching(rule, place)])
    // A deletion takes the first of equal rules: the one just inserted, or its older copy, is left.
    for (const [index, chain] of PLACES.entries()) await this.#delete(tool, chain, old[index] ?? [])
  }

  async #clear(isMeant: (words: readonly string[]) => boolean): Promise<void> {
    for (const tool of this.#tools) {
      for (const chain of PLACES) {
        const removed = this.#find(tool, chain, isMeant).then((rules) => this.#delete(tool, chain, rules))
        await removed.catch(() => {})
      }
    }
  }

  async #delete(tool: Tool, chain: Rule, rules: readonly string[][]): Promise<void> {
    for (const rule of rules) await this.#run(tool, chain, ['-D', ...rule])
  }

  /** As the tool prints them, from the chain's name on. */
  async #find(tool: Tool, chain: Rule, isMeant: (words: readonly string[]) => boolean): Promise<string[][]> {
    const printed = await this.#run(tool, chain, ['-S', chain.chain])
    const lines = printed.replaceAll('"', '').split('\n')
    return lines.map((line) => line.split(' ').slice(1)).filter(isMeant)
  }

  #run(tool: Tool, { table }: Rule, args: readonly string[]): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const options = { env: { PATH: this.#folders }, timeout: TOOL_DEADLINE_MS, maxBuffer: MOST_OUTPUT_BYTES }
    execFile(tool, ['-w', LOCK_SECONDS, '-t', table, ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(complaint(error, stderr))
    })
    return promise
  }
}

/** In the tool's own words where it had any: those of execFile repeat the whole command line before them. */
function complaint(error: Error, stderr: string): Error {
  const words = stderr.trim().split('\n').at(0) ?? ''
  return words === '' ? error : new Error(words, { cause: error })
}

function describe({ host, everything }: Denied): string {
  if (everything === true) return 'everything outside'
  return host ? "this host's own services" : 'private networks'
}

/** What an operator can do where rules do not bind. */
export function waysOut(denied: Denied): string {
  if (denied.everything === true) return 'use the network none'
  return `name a network of yours with docker.network, or accept it with ${acceptance(denied)}`
}

/** The settings under which nothing is denied. */
function acceptance({ host, privateNetworks }: Denied): string {
  const settings = [...(host ? ['tasks.hostAccess'] : []), ...(privateNetworks ? ['tasks.privateNetworks'] : [])]
  return settings.map((setting) => `${setting}: allow`).join(' and ')
}

function rulesFor(tool: Tool, { host, privateNetworks, everything }: Denied): Rule[] {
  if (everything === true) return [ARRIVAL]
  const ranges = [...(host ? LINK_LOCAL[tool] : []), ...(privateNetworks ? PRIVATE[tool] : [])]
  return [...(host ? [INPUT] : []), ...ranges.map((destination) => ({ ...ARRIVAL, destination }))]
}

function matching({ destination }: Rule, { bridge, installation }: GuardedBridge): string[] {
  const towards = destination === undefined ? [] : ['-d', destination]
  const unasked = ['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED']
  return [...towards, '-i', bridge, ...unasked, '-m', 'comment', '--comment', mark(installation), '-j', 'DROP']
}

function isMarked(words: readonly string[], installation: string): boolean {
  return words.includes(mark(installation))
}

function isOf(words: readonly string[], bridge: string): boolean {
  return words[words.indexOf('-i') + 1] === bridge
}

function mark(installation: string): string {
  return `errand:${installation}`
}
