import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIB } from '../../src/core/resources.ts'
import { type CountedContainer, fakeCensus } from './census.ts'
import { readInstallation } from './daemon.ts'
import { assertInvariants } from './invariants.ts'
import { ServeProcess } from './serve-process.ts'
import { memoryOf, type WatchedDaemon, watchProcess } from './watched-daemon.ts'

/** A task's server, in the process of the test. */
export interface TaskServer extends AsyncDisposable {
  readonly port: number
}

export async function serveTask(listener: RequestListener): Promise<TaskServer> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** In MiB, so that the published package stays below 300. */
const MOST_GROWTH = 200

/** Room for many small tasks. */
const DEFAULTS = ['resources.hostCheck=none', 'node=test', 'cpu=2', 'mem=4096', 'resources.cpuOvercommit=10']
/** As the launcher has them. */
const MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '1048576' }
const NODE_OPTIONS = ['--expose-gc', '--no-node-snapshot', '--heap-growing-percent=30']
const ENTRY = join(import.meta.dirname, 'fake-engine-daemon.ts')

/** A server, as a port of this host; null for one that never becomes ready; or what prints the sizes of its inputs and ends. */
export type FakeTask = number | null | 'weighs'

export interface FakeServeOptions {
  /** By image. */
  readonly tasks: Readonly<Record<string, FakeTask>>
  /** `KEY=VALUE` of the configuration, over the defaults. */
  readonly settings?: readonly string[]
  /** Whether it listens on a unix socket, too. */
  readonly hasSocket?: boolean
}

/** A message to the process of a daemon. */
export interface Asked {
  /** How long it is to do nothing else, once it has answered. */
  readonly blockMs: number
}

/** What the process of a daemon tells of itself, past the daemon. */
export interface Inside {
  readonly sandboxes: readonly CountedContainer[]
  /** Names that every object has there: none, unless a prototype was changed. */
  readonly inherited: readonly string[]
  /** What it has loaded: modules of Node.js by name, CommonJS files by path. */
  readonly modules: readonly string[]
}

/** A daemon on the fake engine in a process of its own. Its disposal asserts the invariants. */
export class FakeServe implements AsyncDisposable {
  readonly process: ServeProcess
  readonly watched: WatchedDaemon
  readonly #ask: (asked: Asked) => Promise<Inside>
  readonly #folder: string
  #idle = 0

  private constructor(
    served: ServeProcess,
    watched: WatchedDaemon,
    ask: (asked: Asked) => Promise<Inside>,
    folder: string,
  ) {
    this.process = served
    this.watched = watched
    this.#ask = ask
    this.#folder = folder
  }

  get stateDir(): string {
    return join(this.#folder, 'state')
  }

  /** Where it is, if it has one. */
  get socketPath(): string {
    return join(this.#folder, 'errand.sock')
  }

  get port(): number {
    return Number(this.watched.address.split(':').at(-1))
  }

  /** Resolves once it serves. */
  static async open({ tasks, settings = [], hasSocket = false }: FakeServeOptions): Promise<FakeServe> {
    const folder = await mkdtemp(join(tmpdir(), 'errand-fake-'))
    const pairs = [...DEFAULTS, ...settings].map((pair): [string, string] => [pair.split('=', 1)[0] ?? '', pair])
    const set = [...new Map(pairs).values()]
    const folders = ['--state-dir', join(folder, 'state'), '--run-dir', join(folder, 'run')]
    const listen = ['127.0.0.1:0', ...(hasSocket ? [`unix:${join(folder, 'errand.sock')}`] : [])]
    const args = [
      ...folders,
      ...listen.flatMap((address) => ['--listen', address]),
      ...set.flatMap((pair) => ['--set', pair]),
    ]
    const command = [...NODE_OPTIONS, ENTRY, JSON.stringify(tasks), 'serve', ...args]
    const environment = { PATH: process.env.PATH, ...MALLOC }
    const child = spawn(process.execPath, command, { env: environment, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    const served = new ServeProcess(child)
    const [address = ''] = await served.addresses()
    const installation = await readInstallation(join(folder, 'state'))
    const watched = watchProcess(served.pid, { address, installation, engineSocket: '' })
    const ask = async (asked: Asked): Promise<Inside> => {
      child.send(asked)
      const [inside] = await once(child, 'message')
      return inside as Inside
    }
    const serve = new FakeServe(served, watched, ask, folder)
    serve.#idle = (await serve.memory()).peak
    return serve
  }

  /** Asks its process. */
  look(): Promise<Inside> {
    return this.#ask({ blockMs: 0 })
  }

  /** From when this resolves its event loop stands still, for so long. */
  async block(forMs: number): Promise<void> {
    await this.#ask({ blockMs: forMs })
  }

  /** For a line of the test's output: what the daemon takes of the host. */
  async describe(): Promise<string> {
    const { now, peak } = await this.memory()
    return `${now} MiB of memory, ${peak} at most, ${await this.openFiles()} open files`
  }

  /** Resident memory now, and the most that it ever was, in MiB. */
  async memory(): Promise<{ readonly now: number; readonly peak: number }> {
    const { nowBytes, peakBytes } = await memoryOf(this.process.pid)
    return { now: Math.round(nowBytes / MIB), peak: Math.round(peakBytes / MIB) }
  }

  /** The published package begins with 100 MiB; this checkout needs more, since it takes the types out of its own source. */
  async assertBounded(): Promise<void> {
    const { peak } = await this.memory()
    assert.ok(peak - this.#idle < MOST_GROWTH, `${this.#idle} MiB when idle, then ${await this.describe()}`)
  }

  /**
   * How many its process has, once it has heard of everything that its callers did until now: that a connection is closed at one
   * end, the other learns by an event, which a busy process has yet to come to. The kernel hands events over in their order, so
   * that who has answered a later one has dealt with them.
   */
  async openFiles(): Promise<number> {
    await this.look()
    return (await readdir(`/proc/${this.process.pid}/fd`)).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using held = new AsyncDisposableStack()
    held.defer(() => rm(this.#folder, { recursive: true }))
    held.use(this.process)
    await assertInvariants(this.watched, { census: fakeCensus(async () => (await this.look()).sandboxes) })
  }
}
