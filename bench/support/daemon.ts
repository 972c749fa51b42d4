import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Address, parseAddress } from './address.ts'
import { Child, type LogLine } from './child.ts'

export interface DaemonOptions {
  readonly dist: string
  /** The program and its first arguments, up to `serve`. Default: the package's own. */
  readonly program?: readonly string[]
  /** Loaded before the daemon, which can then be asked. */
  readonly probe?: string
  readonly cores?: string | undefined
  readonly settings?: readonly string[]
  readonly logLevel?: 'debug' | 'info'
  /** Of whoever starts one daemon after the other on the same state. */
  readonly folder?: string
}

/** A daemon of the built package in a process of its own, with its own state, on a port and a unix socket of its own. */
export interface BenchDaemon extends AsyncDisposable {
  readonly child: Child
  readonly tcp: Address
  readonly unix: Address
  readonly stateDir: string
  readonly coldStarts: readonly LogLine[]
}

const run = promisify(execFile)
const PROBE = join(import.meta.dirname, '../probe.ts')
const MEMORY_PROBE = join(import.meta.dirname, '../memory-probe.ts')
/** As `bin/errand` has them. */
const MALLOC = ['MALLOC_ARENA_MAX=2', 'MALLOC_TRIM_THRESHOLD_=1048576']
const NODE_OPTIONS = ['--expose-gc', '--no-node-snapshot', '--heap-growing-percent=30']

/** Counts and times what the daemon asks of the system; see `probe.ts`. */
export function withProbe(): Pick<DaemonOptions, 'probe'> {
  return { probe: PROBE }
}

/** Tells what it holds in memory; see `memory-probe.ts`. */
export function withMemoryProbe(): Pick<DaemonOptions, 'probe'> {
  return { probe: MEMORY_PROBE }
}

export async function startDaemon(options: DaemonOptions, signal: AbortSignal): Promise<BenchDaemon> {
  const { dist, probe, cores, settings = [], logLevel = 'info' } = options
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'errand-bench-')))
  const runDir = join(folder, 'run')
  const program = options.program ?? [join(dist, 'cli/main.js')]
  const preload = probe === undefined ? [] : ['--import', probe]
  const set = ['resources.hostCheck=none', ...settings].flatMap((setting) => ['--set', setting])
  const listen = ['--listen', '127.0.0.1:0', `unix:${join(runDir, 'errand.sock')}`]
  const stateDir = join(folder, 'state')
  const flags = ['--state-dir', stateDir, '--run-dir', runDir, '--node', 'bench', '--log-level', logLevel]
  const node = ['env', ...MALLOC, process.execPath, ...NODE_OPTIONS, ...preload]
  const command = [...node, ...program, 'serve', ...flags, ...listen, ...set]
  const child = new Child('the daemon', command, { cores, hasChannel: probe !== undefined })
  const dispose = async (): Promise<void> => {
    await child[Symbol.asyncDispose]()
    if (options.folder === undefined) await rm(folder, { recursive: true })
  }
  try {
    const [tcp, unix] = await child.addresses(signal)
    if (tcp === undefined || unix === undefined) throw new Error('the daemon serves too few addresses')
    return {
      child,
      tcp,
      unix,
      stateDir,
      get coldStarts() {
        return child.lines.filter(isColdStart)
      },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

function isColdStart(line: LogLine): boolean {
  return line.msg === 'cold start'
}

/** Where the latest instance that started serves, for a process that is not the daemon. */
export async function latestEndpoint({ child }: BenchDaemon, starts: number, signal: AbortSignal): Promise<Address> {
  await child.line(() => child.lines.filter(isColdStart).length >= starts, signal)
  // The daemon reaches a socket through the folder that it holds open.
  const endpoint = String(child.lines.findLast(isColdStart)?.endpoint).replace('/proc/self/', `/proc/${child.pid}/`)
  return parseAddress(endpoint)
}

/** A token with which the daemon of this state folder may be asked for what callers ask. Another one each time. */
export async function createToken(dist: string, stateDir: string): Promise<string> {
  const args = ['token', 'create', `bench-${randomBytes(4).toString('hex')}`, '--state-dir', stateDir]
  const { stdout } = await run(process.execPath, [join(dist, 'cli/main.js'), ...args])
  return stdout.trim()
}
