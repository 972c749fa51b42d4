import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServeProcess } from './serve-process.ts'

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
const ENTRY = join(import.meta.dirname, 'fake-engine-daemon.ts')

export interface FakeServeOptions {
  /** Each task's server, as a port of this host; null for a task that never becomes ready. */
  readonly tasks: Readonly<Record<string, number | null>>
  /** `KEY=VALUE` of the configuration, over the defaults. */
  readonly settings?: readonly string[]
}

/** A daemon on the fake engine in a process of its own. */
export class FakeServe implements AsyncDisposable {
  readonly process: ServeProcess
  readonly port: number
  readonly #folder: string
  #idle = 0

  private constructor(served: ServeProcess, port: number, folder: string) {
    this.process = served
    this.port = port
    this.#folder = folder
  }

  /** Resolves once it serves. */
  static async open({ tasks, settings = [] }: FakeServeOptions): Promise<FakeServe> {
    const folder = await mkdtemp(join(tmpdir(), 'errand-fake-'))
    const pairs = [...DEFAULTS, ...settings].map((pair): [string, string] => [pair.split('=', 1)[0] ?? '', pair])
    const set = [...new Map(pairs).values()]
    const folders = ['--state-dir', join(folder, 'state'), '--run-dir', join(folder, 'run')]
    const args = [...folders, '--listen', '127.0.0.1:0', ...set.flatMap((pair) => ['--set', pair])]
    const command = [ENTRY, JSON.stringify(tasks), 'serve', ...args]
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
    const served = new ServeProcess(child)
    const [address = ''] = await served.addresses()
    const serve = new FakeServe(served, Number(address.split(':').at(-1)), folder)
    serve.#idle = (await serve.memory()).peak
    return serve
  }

  /** For a line of the test's output: what the daemon takes of the host. */
  async describe(): Promise<string> {
    const { now, peak } = await this.memory()
    return `${now} MiB of memory, ${peak} at most, ${await this.openFiles()} open files`
  }

  /** Resident memory now, and the most that it ever was, in MiB. */
  async memory(): Promise<{ readonly now: number; readonly peak: number }> {
    const status = await readFile(`/proc/${this.process.pid}/status`, 'utf8')
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
    return { now: Math.round(field('VmRSS')), peak: Math.round(field('VmHWM')) }
  }

  /** The published package begins with 100 MiB; this checkout needs more, since it takes the types out of its own source. */
  async assertBounded(): Promise<void> {
    const { peak } = await this.memory()
    assert.ok(peak - this.#idle < MOST_GROWTH, `${this.#idle} MiB when idle, then ${await this.describe()}`)
  }

  async openFiles(): Promise<number> {
    return (await readdir(`/proc/${this.process.pid}/fd`)).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true })
  }
}
