import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { ErrandError } from '../../core/errors.ts'

type Tool = 'iptables' | 'ip6tables'

/** Root's folders: a user's PATH often lacks them. */
const TOOL_FOLDERS = '/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin'
/** Longer than the tool's own wait for its lock. */
const TOOL_DEADLINE_MS = 10_000
const LOCK_SECONDS = '5'
/** More copies of one rule than any run of crashes leaves. */
const MOST_COPIES = 100

/** Keeps what runs behind a bridge off this host: one INPUT rule each for IPv4 and IPv6. */
export class Firewall {
  readonly #folders: string
  readonly #tools: readonly Tool[]

  /** `folders` as in PATH: where the tools are looked for. */
  constructor(folders: string = TOOL_FOLDERS) {
    this.#folders = folders
    this.#tools = existsSync('/proc/net/if_inet6') ? ['iptables', 'ip6tables'] : ['iptables']
  }

  /**
   * Drops every packet from the bridge to this host that answers nothing the host began. Leaves nothing when it fails.
   * @throws network_unavailable
   */
  async block(bridge: string, installation: string): Promise<void> {
    try {
      for (const tool of this.#tools) await this.#block(tool, rule(bridge, installation))
    } catch (cause) {
      await this.unblock(bridge, installation)
      const why = cause instanceof Error ? cause.message.trim() : String(cause)
      throw new ErrandError(
        'network_unavailable',
        `tasks cannot be kept off this host's own services (${why}). Either run as root with iptables installed, or ` +
          'name a network of yours with docker.network, or accept it with tasks.hostAccess: allow',
        { cause },
      )
    }
  }

  /** Removes the rule, and every copy that an earlier run left. Never fails: without the tools there is no rule. */
  async unblock(bridge: string, installation: string): Promise<void> {
    for (const tool of this.#tools) await this.#unblock(tool, rule(bridge, installation))
  }

  async #block(tool: Tool, wanted: readonly string[]): Promise<void> {
    const isThere = await this.#run(tool, ['-C', 'INPUT', ...wanted]).then(
      () => true,
      () => false,
    )
    if (!isThere) await this.#run(tool, ['-I', 'INPUT', '1', ...wanted])
  }

  async #unblock(tool: Tool, unwanted: readonly string[]): Promise<void> {
    for (let copies = 0; copies < MOST_COPIES; copies += 1) {
      try {
        await this.#run(tool, ['-D', 'INPUT', ...unwanted])
      } catch {
        return
      }
    }
  }

  #run(tool: Tool, args: readonly string[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const options = { env: { PATH: this.#folders }, timeout: TOOL_DEADLINE_MS }
    execFile(tool, ['-w', LOCK_SECONDS, ...args], options, (error, _stdout, stderr) => {
      if (error === null) resolve()
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

function rule(bridge: string, installation: string): string[] {
  const answers = ['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED']
  return ['-i', bridge, ...answers, '-m', 'comment', '--comment', `errand:${installation}`, '-j', 'DROP']
}
