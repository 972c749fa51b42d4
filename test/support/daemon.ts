import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { silentLog } from '../../src/core/log.ts'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { Daemon, type DaemonDeps } from '../../src/daemon/daemon.ts'
import { dockerCensus } from './census.ts'
import { DOCKER_SOCKET } from './engine-host.ts'
import { assertGone } from './invariants.ts'
import { type WatchedDaemon, watchHere } from './watched-daemon.ts'

const run = promisify(execFile)

/** The answer of the MECA face. */
export interface MecaAnswer {
  readonly success: boolean
  readonly msg: string
  readonly code?: string
  readonly status?: number
  readonly retryAfterMs?: number
  readonly details?: Record<string, unknown>
}

/** A daemon of a test on the real engine: own state folder, own port, own network. */
export interface TestDaemon extends WatchedDaemon, AsyncDisposable {
  readonly daemon: Daemon
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly stateDir: string
  /** `POST /` with the body given, as JSON. */
  execute(body: object): Promise<MecaAnswer>
  /** Names of the containers of this daemon, in any state. */
  containers(): Promise<string[]>
}

/**
 * `settings` are `KEY=VALUE` pairs of the configuration, over: no host check, room for small tasks. `engineSocket` is where
 * the test itself looks at the engine. A `folder` that is given is kept. An empty `listen` leaves that to the settings.
 */
export async function startDaemon(
  settings: readonly string[] = [],
  deps: Partial<DaemonDeps> = {},
  listen: readonly string[] = ['127.0.0.1:0'],
  engineSocket: string = DOCKER_SOCKET,
  folder?: string,
): Promise<TestDaemon> {
  await using held = new AsyncDisposableStack()
  const home = folder ?? (await mkdtemp(join(tmpdir(), 'errand-test-')))
  if (folder === undefined) held.defer(() => rm(home, { recursive: true }))
  const stateDir = join(home, 'state')
  const { config } = loadConfig({
    stateDir,
    runDir: join(home, 'run'),
    ...(listen.length > 0 && { listen }),
    set: ['resources.hostCheck=none', 'node=test', ...settings],
  })
  const daemon = await Daemon.open(config, { log: silentLog, ...deps }, AbortSignal.timeout(60_000))
  const installation = await readInstallation(stateDir)
  const url = `http://${daemon.addresses[0]}`
  const census = dockerCensus(engineSocket)
  held.defer(() => assertGone(installation, census))
  held.use(daemon)
  const kept = held.move()
  return {
    ...watchHere(daemon, { installation, engineSocket }),
    daemon,
    url,
    stateDir,
    execute: (body) => post(`${url}/`, body),
    containers: async () => (await census(installation)).containers.map(({ name }) => name),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

export async function post(url: string, body: object): Promise<MecaAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(response.status, 200)
  return (await response.json()) as MecaAnswer
}

export async function readInstallation(stateDir: string): Promise<string> {
  const { id } = JSON.parse(await readFile(join(stateDir, 'installation.json'), 'utf8'))
  return id
}

export async function containersOf(installation: string): Promise<string[]> {
  const filter = `label=dev.errand.installation=${installation}`
  return lines(await docker('ps', '-a', '--filter', filter, '--format', '{{.Names}}'))
}

/** Fails when a container, network, volume or firewall rule of this installation is still on the host. */
export async function assertNothingLeft(installation: string): Promise<void> {
  await assertGone(installation, dockerCensus(DOCKER_SOCKET))
}

export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
