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
}

/** One rule, without the bridge and the mark by which we know it. */
interface Rule {
  readonly table: string
  readonly chain: string
  /** A range of addresses; undefined for whatever takes this chain. */
  readonly destination?: string
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

  /**
   * Drops every packet from the bridge to what is denied, unless it answers something that came from there. Replaces
   * what an earlier run left without a gap. Leaves nothing when it fails.
   * @throws network_unavailable
   */
  async block(bridge: string, installation: string, denied: Denied): Promise<void> {
    try {
      for (const tool of this.#tools) await this.#replace(tool, bridge, installation, rulesFor(tool, denied))
    } catch (cause) {
      await this.unblock(installation)
      const why = cause instanceof Error ? cause.message.trim() : String(cause)
      throw new ErrandError(
        'network_unavailable',
        `tasks cannot be kept off ${describe(denied)} (${why}). Either run as root with iptables installed, or ` +
          `name a network of yours with docker.network, or accept it with ${acceptance(denied)}`,
        { cause },
      )
    }
  }

  /** Removes every rule of the installation. Never fails: without the tools there is none. */
  async unblock(installation: string): Promise<void> {
    for (const tool of this.#tools) {
      for (const place of PLACES) await this.#clear(tool, place, installation).catch(() => {})
    }
  }

  async #replace(tool: Tool, bridge: string, installation: string, wanted: readonly Rule[]): Promise<void> {
    const old = await Promise.all(PLACES.map((place) => this.#ours(tool, place, installation)))
    for (const rule of wanted) {
      await this.#run(tool, rule, ['-I', rule.chain, '1', ...matching(rule, bridge, installation)])
    }
    // A deletion takes the first of equal rules: the one just inserted, or its older copy, is left.
    for (const [index, place] of PLACES.entries()) await this.#delete(tool, place, old[index] ?? [])
  }

  async #clear(tool: Tool, place: Rule, installation: string): Promise<void> {
    await this.#delete(tool, place, await this.#ours(tool, place, installation))
  }

  async #delete(tool: Tool, place: Rule, rules: readonly string[][]): Promise<void> {
    for (const rule of rules) await this.#run(tool, place, ['-D', ...rule])
  }

  /** As the tool prints them, from the chain's name on. */
  async #ours(tool: Tool, place: Rule, installation: string): Promise<string[][]> {
    const printed = await this.#run(tool, place, ['-S', place.chain])
    const lines = printed.replaceAll('"', '').split('\n')
    return lines.map((line) => line.split(' ').slice(1)).filter((words) => words.includes(mark(installation)))
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

function describe({ host }: Denied): string {
  return host ? "this host's own services" : 'private networks'
}

/** The settings under which nothing is denied. */
function acceptance({ host, privateNetworks }: Denied): string {
  const settings = [...(host ? ['tasks.hostAccess'] : []), ...(privateNetworks ? ['tasks.privateNetworks'] : [])]
  return settings.map((setting) => `${setting}: allow`).join(' and ')
}

function rulesFor(tool: Tool, { host, privateNetworks }: Denied): Rule[] {
  const ranges = [...(host ? LINK_LOCAL[tool] : []), ...(privateNetworks ? PRIVATE[tool] : [])]
  return [...(host ? [INPUT] : []), ...ranges.map((destination) => ({ ...ARRIVAL, destination }))]
}

function matching({ destination }: Rule, bridge: string, installation: string): string[] {
  const towards = destination === undefined ? [] : ['-d', destination]
  const unasked = ['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED']
  return [...towards, '-i', bridge, ...unasked, '-m', 'comment', '--comment', mark(installation), '-j', 'DROP']
}

function mark(installation: string): string {
  return `errand:${installation}`
}
