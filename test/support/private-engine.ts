import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipe, run } from '../../examples/tasks/offline/command.ts'
import { askEngine } from './census.ts'
import { DefaultBridge } from './default-bridge.ts'
import { bridgeOf, FOLDER_PREFIX, removeAbandoned, removeTraces } from './private-engine-traces.ts'

export interface PrivateEngineOptions {
  /** Containers outlive dockerd. Default: false. */
  readonly liveRestore?: boolean
  /** Beside runc. */
  readonly runtimes?: Readonly<Record<string, EngineRuntime>>
  /** Names of images of the machine's own engine that are to be there. */
  readonly images?: readonly string[]
  /** How many networks there are addresses for. Default: 16. */
  readonly mostNetworks?: number
}

/** An OCI runtime as daemon.json has it. */
export interface EngineRuntime {
  readonly path: string
  readonly runtimeArgs?: readonly string[]
}

/** Its daemon.json. */
interface EngineSettings {
  readonly 'live-restore': boolean
  readonly 'default-address-pools': readonly { readonly base: string; readonly size: number }[]
  runtimes: Readonly<Record<string, EngineRuntime>>
}

const READY_MS = 60_000
/** Networks of 16 addresses, so that as many as 16 fit in a range of 256. */
const NETWORK_BITS = 28

/**
 * A Docker Engine of a test's own, next to the machine's: containerd and dockerd with their own folders and socket. Needs
 * root. Disposing removes everything, whatever state it is in; a test that is killed takes both daemons along, and the
 * next engine removes what else it has left.
 */
export class PrivateEngine implements AsyncDisposable {
  readonly #folder: string
  readonly #defaultBridge: DefaultBridge
  readonly #settings: EngineSettings
  #containerd: ChildProcess | undefined
  #dockerd: ChildProcess | undefined

  private constructor(folder: string, defaultBridge: DefaultBridge, settings: EngineSettings) {
    this.#folder = folder
    this.#defaultBridge = defaultBridge
    this.#settings = settings
  }

  static async start(options: PrivateEngineOptions = {}): Promise<PrivateEngine> {
    await removeAbandoned()
    const { liveRestore = false, runtimes = {}, images = [], mostNetworks = 16 } = options
    const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`))
    await using stack = new AsyncDisposableStack()
    const engine = stack.use(
      new PrivateEngine(folder, await DefaultBridge.remember(), {
        'live-restore': liveRestore,
        runtimes,
        'default-address-pools': [{ base: freeRange(mostNetworks), size: NETWORK_BITS }],
      }),
    )
    await makeBridge(folder)
    await engine.#startContainerd()
    await engine.start()
    if (images.length > 0) await engine.load(images)
    stack.move()
    return engine
  }

  get socketPath(): string {
    return join(this.#folder, 'docker.sock')
  }

  /** To be given to a daemon. */
  get setting(): string {
    return `docker.host=unix://${this.socketPath}`
  }

  /** Starts dockerd; resolves once it answers. Without live-restore it first ends what a killed one left: 10 s. */
  async start(): Promise<void> {
    await writeFile(join(this.#folder, 'daemon.json'), JSON.stringify(this.#settings))
    await rm(join(this.#folder, 'docker.pid'), { force: true })
    const flags = {
      'config-file': join(this.#folder, 'daemon.json'),
      'data-root': join(this.#folder, 'data'),
      'exec-root': join(this.#folder, 'exec'),
      host: `unix://${this.socketPath}`,
      pidfile: join(this.#folder, 'docker.pid'),
      containerd: join(this.#folder, 'containerd.sock'),
      bridge: bridgeOf(this.#folder),
      iptables: 'false',
      ip6tables: 'false',
    }
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    this.#dockerd = await this.#spawn('dockerd', args)
    await this.#untilAnswered(this.#dockerd)
    await this.#defaultBridge.restore()
  }

  /** SIGKILL. Containers go on running. */
  async kill(): Promise<void> {
    await end(this.#dockerd, 'SIGKILL')
  }

  /** SIGTERM; resolves once it has ended. Without live-restore it ends its containers first. */
  async stop(): Promise<void> {
    await end(this.#dockerd, 'SIGTERM')
  }

  /** Connections are taken and nothing is answered. */
  freeze(): void {
    this.#dockerd?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#dockerd?.kill('SIGCONT')
  }

  /** As an operator who edits daemon.json and reloads it. */
  async setRuntimes(runtimes: EngineSettings['runtimes']): Promise<void> {
    this.#settings.runtimes = runtimes
    await writeFile(join(this.#folder, 'daemon.json'), JSON.stringify(this.#settings))
    const wanted = Object.keys(runtimes).length
    this.#dockerd?.kill('SIGHUP')
    for (;;) {
      const { Runtimes: known } = (await askEngine(this.socketPath, '/info')) as { Runtimes: Record<string, object> }
      if (Object.keys(known).filter((name) => !/^(runc|io\.containerd\..*)$/.test(name)).length === wanted) return
      await sleep(20)
    }
  }

  /** Copies images of the machine's own engine. */
  async load(images: readonly string[]): Promise<void> {
    await pipe(['docker', 'save', ...images], ['docker', '--host', `unix://${this.socketPath}`, 'load', '--quiet'])
  }

  /** Runs the Docker command line on it; the text it printed. */
  docker(...args: string[]): Promise<string> {
    return run('docker', ['--host', `unix://${this.socketPath}`, ...args])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#empty()
    } finally {
      await end(this.#dockerd, 'SIGTERM')
      await end(this.#containerd, 'SIGTERM')
      await removeTraces(this.#folder)
    }
  }

  /** Containers and networks go by way of dockerd, which knows all that belongs to them. */
  async #empty(): Promise<void> {
    if (this.#containerd === undefined) return
    this.thaw()
    if (this.#dockerd === undefined || hasEnded(this.#dockerd)) await this.start()
    const containers = (await this.docker('ps', '--all', '--quiet')).split('\n').filter(Boolean)
    if (containers.length > 0) await this.docker('rm', '--force', '--volumes', ...containers)
    const networks = (await this.docker('network', 'ls', '--quiet', '--filter', 'type=custom')).split('\n')
    for (const network of networks.filter(Boolean)) await this.docker('network', 'rm', network)
  }

  async #startContainerd(): Promise<void> {
    const config = join(this.#folder, 'containerd.toml')
    const address = join(this.#folder, 'containerd.sock')
    const lines = [
      'version = 2',
      `root = "${join(this.#folder, 'containerd-root')}"`,
      `state = "${join(this.#folder, 'containerd-state')}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `address = "${address}"`,
    ]
    await writeFile(config, lines.join('\n'))
    this.#containerd = await this.#spawn('containerd', ['--config', config])
  }

  /** A child that the kernel kills when this process ends, however it ends. */
  async #spawn(program: string, args: readonly string[]): Promise<ChildProcess> {
    await using log = await open(join(this.#folder, `${program}.log`), 'a')
    return spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: ['ignore', log.fd, log.fd] })
  }

  async #untilAnswered(dockerd: ChildProcess): Promise<void> {
    const untilMs = performance.now() + READY_MS
    while (!(await isAnswering(this.socketPath))) {
      if (hasEnded(dockerd) || performance.now() > untilMs) {
        const log = await readFile(join(this.#folder, 'dockerd.log'), 'utf8')
        throw new Error(`dockerd does not answer: ${log.slice(-2000)}`)
      }
      await sleep(20)
    }
  }
}

async function isAnswering(socketPath: string): Promise<boolean> {
  return askEngine(socketPath, '/_ping').then(
    (answer) => answer === 'OK',
    () => false,
  )
}

/** Its default bridge. With `--bridge=none` dockerd would remove `docker0`, which is the machine's own engine's. */
async function makeBridge(folder: string): Promise<void> {
  const bridge = bridgeOf(folder)
  await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
  await run('ip', ['address', 'add', `10.251.${randomInt(0, 256)}.1/${NETWORK_BITS}`, 'dev', bridge])
  await run('ip', ['link', 'set', bridge, 'up'])
}

/** Out of a range that neither the machine's engine nor, most likely, another private one uses. */
function freeRange(mostNetworks: number): string {
  const bits = NETWORK_BITS - Math.ceil(Math.log2(mostNetworks))
  return `10.${randomInt(200, 250)}.${randomInt(0, 256)}.0/${bits}`
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || hasEnded(child)) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
