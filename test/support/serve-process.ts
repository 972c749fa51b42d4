import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Installation, isOurs } from '../../src/instance/identity.ts'
import { dockerCensus, type TakeCensus } from './census.ts'
import type { MecaAnswer } from './daemon.ts'
import { DOCKER_SOCKET, tracesOf } from './engine-host.ts'
import { httpCall } from './http-call.ts'
import { assertInvariants } from './invariants.ts'
import { removeLeftovers } from './leftovers.ts'
import { LogReader } from './log-reader.ts'
import { watchProcess } from './watched-daemon.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/errand')
const DEFAULTS = ['resources.hostCheck=none', 'resources.cpuOvercommit=2', 'node=test']
const SERVING = 'the node serves'
const STOPPING = 'the node is stopping; waiting for requests under way'
/** The daemon promises to end within 30 s of a SIGTERM. */
const STOP_MS = 35_000

export interface ServeOptions {
  /** `KEY=VALUE` of the configuration, over: no host check, twice the host's cores. */
  readonly settings?: readonly string[]
  /** Instead of a free port of 127.0.0.1. An empty list leaves it to the configuration. */
  readonly listen?: readonly string[]
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** A program with arguments that executes the command after them, such as `setpriv`. */
  readonly under?: readonly string[]
  /** Another command than the checkout's. */
  readonly launcher?: string
}

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Asserts what must be true of a daemon that serves. */
type Check = (served: ServeProcess) => Promise<void>

/**
 * `errand serve` as a process of its own. Disposing checks it if it serves, then ends it as SIGTERM does, and fails unless
 * it exits with 0.
 */
export class ServeProcess implements AsyncDisposable {
  readonly log: LogReader
  readonly ended: Promise<ProcessEnd>
  readonly #child: ChildProcess
  readonly #check: Check
  readonly #stdout: LogReader

  constructor(child: ChildProcess, check: Check = async () => {}) {
    assert.ok(child.stderr && child.stdout)
    this.#child = child
    this.#check = check
    this.log = new LogReader(child.stderr)
    this.#stdout = new LogReader(child.stdout)
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  }

  get pid(): number {
    assert.ok(this.#child.pid)
    return this.#child.pid
  }

  get stdout(): string {
    return this.#stdout.text
  }

  /** Resolves once stdout holds the text. */
  async printed(text: string): Promise<void> {
    await this.#stdout.mention(text)
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Of every listener, in the order of the configuration. Resolves once the node serves. */
  async addresses(): Promise<string[]> {
    const { addresses } = await this.log.entry(SERVING)
    return addresses as string[]
  }

  /** JSON answered to a POST on the first listener. */
  async post(path: string, body?: object): Promise<MecaAnswer> {
    return (await this.#call('POST', path, body === undefined ? '' : JSON.stringify(body))) as MecaAnswer
  }

  async get(path: string): Promise<Record<string, unknown>> {
    return (await this.#call('GET', path, '')) as Record<string, unknown>
  }

  execute(body: object): Promise<MecaAnswer> {
    return this.post('/', body)
  }

  /** Asserts every invariant now. The engine has to answer. */
  async assertInvariants(): Promise<void> {
    await this.#check(this)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasEnded) return
    try {
      if (this.#isServing) await this.assertInvariants()
    } finally {
      await this.#end()
    }
  }

  get #isServing(): boolean {
    const said = this.log.entries.map(({ msg }) => msg)
    return said.includes(SERVING) && !said.includes(STOPPING)
  }

  async #end(): Promise<void> {
    const killer = setTimeout(() => this.signal('SIGKILL'), STOP_MS)
    this.signal('SIGTERM')
    const end = await this.ended
    clearTimeout(killer)
    assert.deepEqual(end, { code: 0, signal: null }, this.log.text)
  }

  async #call(method: 'GET' | 'POST', path: string, body: string): Promise<unknown> {
    const [address = ''] = await this.addresses()
    const headers = body === '' ? {} : { 'content-type': 'application/json' }
    const answer = await httpCall(address, { method, path, headers, body })
    assert.equal(answer.status, 200, answer.text)
    return JSON.parse(answer.text)
  }
}

/**
 * The folders of one installation, for any number of daemons one after the other. Disposing removes whatever it left on
 * this host, and fails when there was something.
 */
export class Home implements AsyncDisposable {
  readonly folder: string
  readonly #started: ServeProcess[] = []

  private constructor(folder: string) {
    this.folder = folder
  }

  static async make(): Promise<Home> {
    return new Home(await mkdtemp(join(tmpdir(), 'errand-test-')))
  }

  get stateDir(): string {
    return join(this.folder, 'state')
  }

  get runDir(): string {
    return join(this.folder, 'run')
  }

  /** Made by the first daemon; undefined before. */
  async installation(): Promise<string | undefined> {
    const { id } = (await this.#identity()) ?? {}
    return id
  }

  /** Everything of this installation on the host: containers, networks, firewall rules. */
  async traces(): Promise<string[]> {
    const installation = await this.installation()
    return installation === undefined ? [] : tracesOf(installation)
  }

  async containers(): Promise<string[]> {
    const traces = await this.traces()
    return traces.filter((trace) => trace.startsWith('container ')).map((trace) => trace.slice('container '.length))
  }

  /** Starts a daemon without waiting for it. */
  spawn(options: ServeOptions = {}): ServeProcess {
    const { under = [], launcher = LAUNCHER } = options
    const [program = '', ...args] = [...under, launcher, 'serve', ...this.#flags(options)]
    const environment = { PATH: process.env.PATH, ...options.environment }
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    const served = new ServeProcess(child, (serving) => this.#assertInvariants(serving))
    this.#started.push(served)
    return served
  }

  /** Resolves once it serves. */
  async serve(options: ServeOptions = {}): Promise<ServeProcess> {
    const served = this.spawn(options)
    await served.addresses()
    return served
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const served of this.#started) {
      if (!served.hasEnded) served.signal('SIGKILL')
      await served.ended
    }
    const installation = await this.installation()
    const traces = await this.traces()
    if (installation !== undefined && traces.length > 0) await removeLeftovers(installation)
    await rm(this.folder, { recursive: true })
    assert.deepEqual(traces, [])
  }

  async #assertInvariants(served: ServeProcess): Promise<void> {
    const [address = ''] = await served.addresses()
    const installation = (await this.installation()) ?? ''
    const daemon = watchProcess(served.pid, { address, installation, engineSocket: DOCKER_SOCKET })
    await assertInvariants(daemon, { census: this.#census })
  }

  /** Without containers that carry our labels and no valid mac: they are somebody else's. */
  readonly #census: TakeCensus = async (installation) => {
    const [identity, found] = await Promise.all([this.#identity(), dockerCensus(DOCKER_SOCKET)(installation)])
    return { ...found, containers: found.containers.filter((row) => identity !== undefined && isOurs(identity, row)) }
  }

  async #identity(): Promise<Installation | undefined> {
    const text = await readFile(join(this.stateDir, 'installation.json'), 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    const { id, macKey } = JSON.parse(text)
    return { id, macKey: Buffer.from(macKey, 'hex') }
  }

  #flags({ listen = ['127.0.0.1:0'], settings = [], flags = [] }: ServeOptions): string[] {
    const pairs = [...DEFAULTS, ...settings].map((pair): [string, string] => [pair.split('=', 1)[0] ?? '', pair])
    const values = [...new Map(pairs).values()]
    return [
      '--state-dir',
      this.stateDir,
      '--run-dir',
      this.runDir,
      ...listen.flatMap((address) => ['--listen', address]),
      ...values.flatMap((value) => ['--set', value]),
      ...flags,
    ]
  }
}
