import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { run } from '../../examples/tasks/offline/command.ts'
import { randomId } from '../../src/core/ids.ts'
import { eventually } from './containers.ts'
import { docker, tracesOf } from './engine-host.ts'
import { removeLeftovers } from './leftovers.ts'
import { LogReader } from './log-reader.ts'

const SOCKET = '/var/run/docker.sock'
const SERVING = 'the node serves'
/** Longer than a daemon takes to end. */
const STOP_SECONDS = '35'

/** Run inside: one request to a listener, whose answer is printed. The image has nothing else that could ask. */
const ASK = `
const [where, method, path, body] = process.argv.slice(1)
const headers = body === '' ? {} : { 'content-type': 'application/json' }
const sent = require('node:http').request({ ...JSON.parse(where), method, path, headers }, (answer) => answer.pipe(process.stdout))
sent.end(body)`
const UNIX = JSON.stringify({ socketPath: '/run/errand/errand.sock' })
const TCP = JSON.stringify({ host: '127.0.0.1', port: 2591 })

/**
 * A daemon that runs in a container with the Docker socket. Disposing stops it as `docker stop` does, and fails unless it
 * ends with 0 and leaves nothing.
 */
export class ContainedDaemon implements AsyncDisposable {
  readonly #name: string
  readonly #child: ChildProcess
  readonly #log: LogReader
  readonly #ended: Promise<number | null>
  #installation = ''
  #isKilled = false

  private constructor(image: string, options: readonly string[], settings: readonly string[]) {
    this.#name = `errand-test-daemon-${randomId().slice(0, 12)}`
    const fixed = ['--rm', '--name', this.#name, '--label', 'dev.errand.test=daemon', '--volume', `${SOCKET}:${SOCKET}`]
    // A busy machine must not decide: the tests of admission do.
    const serve = ['serve', '--set', 'resources.hostCheck=none', ...settings]
    const stdio = ['ignore', 'ignore', 'pipe'] as const
    this.#child = spawn('docker', ['run', ...fixed, ...options, image, ...serve], { stdio: [...stdio] })
    assert.ok(this.#child.stderr)
    this.#log = new LogReader(this.#child.stderr)
    this.#ended = once(this.#child, 'close').then(([code]) => code)
  }

  /** `options` are those of `docker run`, `settings` those of `errand serve`. Resolves once it serves. */
  static async run(
    image: string,
    options: readonly string[],
    settings: readonly string[] = [],
  ): Promise<ContainedDaemon> {
    const daemon = new ContainedDaemon(image, options, settings)
    await daemon.#log.entry(SERVING)
    const at = settings.indexOf('--state-dir')
    const stateDir = at === -1 ? '/var/lib/errand' : settings[at + 1]
    const identity = await run('docker', ['exec', daemon.#name, 'cat', `${stateDir}/installation.json`])
    daemon.#installation = JSON.parse(identity).id
    return daemon
  }

  /** One that is expected to end by itself. */
  static async refused(
    image: string,
    options: readonly string[],
    settings: readonly string[],
  ): Promise<{ readonly status: number | null; readonly log: string }> {
    const daemon = new ContainedDaemon(image, options, settings)
    const status = await daemon.#ended
    return { status, log: daemon.#log.text }
  }

  /** All that it has said. */
  get log(): string {
    return this.#log.text
  }

  /** Its exit status. */
  ended(): Promise<number | null> {
    return this.#ended
  }

  /** The answer of its own interface, over the unix socket inside. */
  async callV1(method: string, path: string, body?: object): Promise<string> {
    return this.#ask(UNIX, method, path, body)
  }

  async callMeca(path: string, body: object): Promise<string> {
    return this.#ask(TCP, 'POST', path, body)
  }

  /** Resolves once an execution has printed a text. */
  async untilLogged(id: string, text: string): Promise<void> {
    await eventually(async () => (await this.callV1('GET', `/v1/executions/${id}/logs`)).includes(text))
  }

  /** The containers that it has started and that are there still. */
  async siblings(): Promise<string[]> {
    return docker(
      'ps',
      '--all',
      '--filter',
      `label=dev.errand.installation=${this.#installation}`,
      '--format',
      '{{.Names}}',
    )
  }

  /** At once; what it has started stays for the next one. */
  async kill(): Promise<void> {
    this.#isKilled = true
    await run('docker', ['kill', this.#name])
    await this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isKilled) return
    if (this.#child.exitCode === null) await run('docker', ['stop', '--time', STOP_SECONDS, this.#name])
    const status = await this.#ended
    const traces = await tracesOf(this.#installation)
    if (traces.length > 0) await removeLeftovers(this.#installation)
    assert.deepEqual({ status, traces }, { status: 0, traces: [] }, this.log)
  }

  async #ask(where: string, method: string, path: string, body?: object): Promise<string> {
    const text = body === undefined ? '' : JSON.stringify(body)
    return run('docker', ['exec', this.#name, 'node', '--eval', ASK, where, method, path, text])
  }
}
