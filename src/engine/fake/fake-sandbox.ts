import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { abortable } from '../../util/abort.ts'
import type {
  ExecCommand,
  OutputSink,
  SandboxExit,
  SandboxIdentity,
  SandboxNet,
  SandboxRef,
  SandboxSpec,
  SandboxView,
  SignalName,
} from '../engine.ts'
import { runCommand } from './fake-command.ts'
import { FakeFiles } from './fake-files.ts'
import type { FakeNetwork } from './fake-net.ts'
import { FakeOutputLog } from './fake-output.ts'
import { FakeMainProcess } from './fake-process.ts'
import type { FakeScript } from './fake-script.ts'
import { endpointsOf, type FakeServer, openServer } from './fake-server.ts'
import { exitCodeOf, isDeadly, isIgnored } from './fake-signals.ts'
import { FakeMeter } from './fake-usage.ts'

const PIDS_LIMITS = { standard: 256, strict: 128 } satisfies Record<SandboxSpec['profile'], number>

const KILLED = exitCodeOf('SIGKILL')

/** What sandboxes of one engine share. */
export interface FakeHost {
  readonly clock: Clock
  readonly network: FakeNetwork
  /** Of each sandbox. */
  readonly keptOutputBytes: number
}

/** One sandbox of a fake engine, playing its image's script. */
export class FakeSandbox {
  readonly ref: SandboxRef
  readonly spec: SandboxSpec
  readonly labels: Readonly<Record<string, string>>
  readonly script: FakeScript
  readonly output: FakeOutputLog
  readonly files: FakeFiles
  readonly #host: FakeHost
  readonly #onExit: (exit: SandboxExit) => void
  readonly #timers: Disposable[] = []
  readonly #closing: Promise<void>[] = []
  #meter: FakeMeter
  #process: FakeMainProcess | undefined
  #server: FakeServer | undefined
  #net: SandboxNet | undefined
  #state: SandboxView['state'] = 'created'
  #exit: SandboxExit | undefined
  #ended = Promise.withResolvers<void>()
  #starting: Promise<void> | undefined

  constructor(
    made: { id: string; spec: SandboxSpec; identity: SandboxIdentity; script: FakeScript },
    host: FakeHost,
    onExit: (exit: SandboxExit) => void,
  ) {
    this.ref = { name: made.identity.name, id: made.id }
    this.spec = made.spec
    this.labels = { ...made.identity.labels }
    this.script = made.script
    this.output = new FakeOutputLog(host.clock, host.keptOutputBytes)
    this.files = new FakeFiles(made.script.files, made.spec.mounts)
    this.#meter = new FakeMeter(made.spec.resources.memoryBytes)
    this.#host = host
    this.#onExit = onExit
  }

  get state(): SandboxView['state'] {
    return this.#state
  }

  /** Undefined while it does not run. */
  get meter(): FakeMeter | undefined {
    return this.isLive ? this.#meter : undefined
  }

  /** Undefined until it has exited. */
  get finalMeter(): FakeMeter | undefined {
    return this.#state === 'exited' ? this.#meter : undefined
  }

  get isLive(): boolean {
    return this.#state === 'running' || this.#state === 'paused'
  }

  /** Starts at the same time are one. */
  async start(): Promise<void> {
    this.#starting ??= this.#start()
    try {
      await this.#starting
    } finally {
      this.#starting = undefined
    }
  }

  async #start(): Promise<void> {
    if (this.isLive) return
    this.#net = this.#host.network.join(this.spec)
    this.#server = await openServer(this.spec, this.script)
    this.#meter = new FakeMeter(this.spec.resources.memoryBytes)
    this.#exit = undefined
    this.#ended = Promise.withResolvers()
    this.output.reopen()
    this.#state = 'running'
    await this.#play()
  }

  /** Ends it with this exit code. A sandbox that does not run is left as it is. */
  end(exitCode: number, isOomKilled = false): void {
    if (!this.isLive) return
    for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]()
    if (this.#server !== undefined) this.#closing.push(this.#server[Symbol.asyncDispose]())
    if (this.#net !== undefined) this.#host.network.leave(this.#net)
    this.#net = undefined
    this.#state = 'exited'
    this.#exit = { exitCode, isOomKilled }
    this.#process?.end()
    this.files.dropScratch()
    this.output.end()
    this.#ended.resolve()
    this.#onExit(this.#exit)
  }

  signal(name: SignalName): void {
    if (!this.isLive) return
    if (name === 'SIGKILL') {
      this.#kill()
      return
    }
    if (isIgnored(this.script, name) || this.#process?.catches(name) === true) return
    if (isDeadly(name)) this.end(exitCodeOf(name))
  }

  freeze(): void {
    this.#demandLive()
    if (this.#state === 'running') this.#process?.freeze()
    this.#state = 'paused'
  }

  thaw(): void {
    this.#demandLive()
    this.#state = 'running'
    this.#process?.thaw()
  }

  /** @throws task_gone; command_not_found */
  async exec(command: ExecCommand, sink: OutputSink): Promise<{ readonly exitCode: number }> {
    this.#demandLive()
    if (this.#process === undefined) throw new ErrandError('internal', 'a sandbox runs without a process')
    return runCommand(this.script, this.#process, command, sink)
  }

  view(): SandboxView {
    const { resources, profile, pidsLimit } = this.spec
    const { cpuMillis, memoryBytes } = resources
    return {
      ...this.ref,
      labels: this.labels,
      state: this.#state,
      exit: this.#exit,
      ...endpointsOf(this.spec, this.isLive ? (this.script.endpoint ?? this.#server?.endpoint) : undefined),
      pid: undefined,
      net: this.#net,
      limits: { cpuMillis, memoryBytes, pids: pidsLimit ?? PIDS_LIMITS[profile] },
    }
  }

  /** SIGKILL, and what follows. Resolves once it has ended and its server is closed. */
  async kill(): Promise<void> {
    await this.#starting?.catch(() => {})
    if (this.isLive) {
      this.#kill()
      await this.#ended.promise
    }
    await this.close()
  }

  /** Ends it whatever its script says, and resolves once its server is closed. */
  async close(): Promise<void> {
    await this.#starting?.catch(() => {})
    this.end(KILLED)
    this.output.end()
    await Promise.all(this.#closing)
  }

  #kill(): void {
    const { killTakesMs = 0 } = this.script
    if (killTakesMs === 0) this.end(KILLED)
    else this.#timers.push(this.#host.clock.setTimer(killTakesMs, () => this.end(KILLED)))
  }

  #demandLive(): void {
    if (!this.isLive) throw new ErrandError('task_gone', `sandbox ${this.ref.name} does not run`)
  }

  async #play(): Promise<void> {
    const { output, usage, readyAfterMs, isNeverReady, exit } = this.script
    const { spec, files } = this
    const world = { spec, clock: this.#host.clock, output: this.output, files, meter: this.#meter }
    const process = new FakeMainProcess({ ...world, onOutOfMemory: () => this.end(KILLED, true) })
    this.#process = process
    for (const part of output ?? []) this.output.print(part)
    if (this.#meter.use(usage ?? {})) this.end(KILLED, true)
    if (isNeverReady !== true) await this.#after(readyAfterMs, () => this.#becomeReady())
    this.#run(process)
    if (exit !== undefined) await this.#after(exit.afterMs, () => this.end(exit.code, exit.isOomKilled))
  }

  #run(process: FakeMainProcess): void {
    const { run } = this.script
    if (run === undefined || process.ended.aborted) return
    const running = (async () => this.#endOf(process, await abortable(run(process), process.ended)))()
    this.#closing.push(running.catch((error: unknown) => this.#failOf(process, error)))
  }

  #endOf(process: FakeMainProcess, exitCode: number): void {
    if (!process.ended.aborted) this.end(exitCode)
  }

  /** As a program does whose exception nobody caught. */
  #failOf(process: FakeMainProcess, error: unknown): void {
    const told = error instanceof Error ? error.stack : undefined
    if (!process.ended.aborted) this.output.print({ stream: 'stderr', data: `${told ?? String(error)}\n` })
    this.#endOf(process, 1)
  }

  async #becomeReady(): Promise<void> {
    const { serve, listens, mark } = this.script
    if (serve !== undefined && listens === 'when ready') await this.#server?.listen(serve)
    if (mark !== undefined && this.isLive) this.output.print(`${mark}\n`)
  }

  /** Runs `step` now, or later on the clock. What it starts later is awaited by `close`. */
  async #after(delayMs: number | undefined, step: () => void | Promise<void>): Promise<void> {
    if (delayMs === undefined) await step()
    else this.#timers.push(this.#host.clock.setTimer(delayMs, () => void this.#closing.push(Promise.resolve(step()))))
  }
}
