import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type PackedPackage, packedPackage } from './packed-package.ts'
import { Pty } from './pty.ts'
import { Home, type ServeProcess } from './serve-process.ts'
import { V1Client } from './v1-client.ts'

/** A machine of which nothing is known but where its system's programs are. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Room for many small executions on few cores. */
const SETTINGS = ['resources.cpuOvercommit=50', 'cpu=100', 'mem=8192']
const MOST_MS = 120_000

export interface Ended {
  /** 128 + N when a signal ended it. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** What stdout was, byte for byte. */
  readonly bytes: Buffer
}

export interface CommandOptions {
  /** What it reads. Default: nothing. */
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * The package as users have it, and an empty folder in which they use it: commands in pipes and on terminals, on a daemon that
 * was started from the same package, unless that is killed. Nothing of the checkout is at work.
 */
export class InstalledNode implements AsyncDisposable {
  readonly home: Home
  /** Where commands run. */
  readonly folder: string
  readonly #installed: PackedPackage
  readonly #children = new Set<ChildProcess>()
  #served: ServeProcess | undefined

  private constructor(home: Home, installed: PackedPackage) {
    this.home = home
    this.folder = join(home.folder, 'work')
    this.#installed = installed
  }

  /** The package and the folder; no daemon yet. */
  static async make(): Promise<InstalledNode> {
    const installed = await packedPackage()
    const node = new InstalledNode(await Home.make(), installed)
    await mkdir(node.folder)
    return node
  }

  static async open(): Promise<InstalledNode> {
    const node = await InstalledNode.make()
    await node.serve()
    return node
  }

  get socketPath(): string {
    return join(this.home.runDir, 'errand.sock')
  }

  /** What npm installed: `node_modules` is in it. */
  get installFolder(): string {
    return this.#installed.folder
  }

  get served(): ServeProcess {
    if (this.#served === undefined) throw new Error('no daemon was started')
    return this.#served
  }

  /** Starts the daemon, once more after its end. */
  async serve(): Promise<void> {
    this.#served = await this.home.serve({
      launcher: this.#installed.bin,
      environment: { PATH, ERRAND_NODE: process.execPath },
      listen: ['127.0.0.1:0', `unix:${this.socketPath}`],
      settings: SETTINGS,
    })
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    this.served.signal('SIGKILL')
    await this.served.ended
  }

  /** `HOST:PORT` of its listener, where a token is shown. */
  async tcpAddress(): Promise<string> {
    const [address = ''] = await this.served.addresses()
    return address
  }

  /** What a user has set: where the package is, and the daemon. */
  get environment(): Readonly<Record<string, string>> {
    return {
      PATH: `${join(this.#installed.folder, 'node_modules/.bin')}:${PATH}`,
      HOME: this.folder,
      LANG: 'C.UTF-8',
      ERRAND_NODE: process.execPath,
      ERRAND_HOST: `unix://${this.socketPath}`,
    }
  }

  /** Runs `errand` in pipes. */
  errand(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
    return this.command('errand', args, options)
  }

  /** A line of shell, which ends with its first failure. */
  shell(line: string, options: CommandOptions = {}): Promise<Ended> {
    return this.command('bash', ['-euo', 'pipefail', '-c', line], options)
  }

  async command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
    const env = { ...this.environment, ...options.environment }
    const child = spawn(program, args, {
      cwd: this.folder,
      env,
      stdio: 'pipe',
      timeout: MOST_MS,
      killSignal: 'SIGKILL',
    })
    this.#children.add(child)
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
    const closed = once(child, 'close')
    const [bytes, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)])
    const [code, signal] = await closed
    this.#children.delete(child)
    if (signal !== null) throw new Error(`${program} ${args.join(' ')} was ended by ${signal}:\n${stderr.toString()}`)
    return { status: code, stdout: bytes.toString(), stderr: stderr.toString(), bytes }
  }

  /** Runs `errand` on a terminal. */
  terminal(args: readonly string[], { environment = {}, columns = 80 }: TerminalOptions = {}): Pty {
    const merged = { ...this.environment, ...environment }
    return new Pty(['errand', ...args], { cwd: this.folder, environment: merged, columns })
  }

  /** For what a test looks at by itself. */
  client(): V1Client {
    return new V1Client(this.socketPath)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _home = this.home
    await this.#served?.[Symbol.asyncDispose]()
    for (const child of this.#children) child.kill('SIGKILL')
  }
}

export interface TerminalOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly columns?: number
}
