import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { SandboxExit, SandboxIdentity, SandboxRef, SandboxSpec, SandboxView, SignalName } from '../engine.ts'
import { FakeOutputLog } from './fake-output.ts'
import type { FakeScript } from './fake-script.ts'
import { FakeServer } from './fake-server.ts'

const PIDS_LIMIT = 256

/** Exit codes of a process ended by a signal, as Linux shells and Docker tell them. */
const EXIT_CODES: Record<SignalName, number> = { SIGTERM: 143, SIGKILL: 137 }

/** One sandbox of a fake engine, playing its image's script. */
export class FakeSandbox {
  readonly ref: SandboxRef
  readonly spec: SandboxSpec
  readonly labels: Readonly<Record<string, string>>
  readonly script: FakeScript
  readonly output: FakeOutputLog = new FakeOutputLog()
  readonly #clock: Clock
  readonly #onExit: (exit: SandboxExit) => void
  readonly #timers: Disposable[] = []
  readonly #closing: Promise<void>[] = []
  #server: FakeServer | undefined
  #state: SandboxView['state'] = 'created'
  #exit: SandboxExit | undefined

  constructor(
    made: { id: string; spec: SandboxSpec; identity: SandboxIdentity; script: FakeScript },
    clock: Clock,
    onExit: (exit: SandboxExit) => void,
  ) {
    this.ref = { name: made.identity.name, id: made.id }
    this.spec = made.spec
    this.labels = { ...made.identity.labels }
    this.script = made.script
    this.#clock = clock
    this.#onExit = onExit
  }

  get state(): SandboxView['state'] {
    return this.#state
  }

  get #isLive(): boolean {
    return this.#state === 'running' || this.#state === 'paused'
  }

  async start(): Promise<void> {
    if (this.#isLive) return
    const { serve, listens, output, readyAfterMs, isNeverReady, exit } = this.script
    const isListening = serve !== undefined && listens !== 'when ready'
    this.#server = isListening ? await FakeServer.open(serve) : await FakeServer.reserve()
    this.#state = 'running'
    this.#exit = undefined
    for (const part of output ?? []) this.output.print(part)
    if (isNeverReady !== true) await this.#after(readyAfterMs, () => this.#becomeReady())
    if (exit !== undefined) await this.#after(exit.afterMs, () => this.end(exit.code, exit.isOomKilled))
  }

  /** Ends it with this exit code. A sandbox that does not run is left as it is. */
  end(exitCode: number, isOomKilled = false): void {
    if (!this.#isLive) return
    for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]()
    if (this.#server !== undefined) this.#closing.push(this.#server[Symbol.asyncDispose]())
    this.#state = 'exited'
    this.#exit = { exitCode, isOomKilled }
    this.output.end()
    this.#onExit(this.#exit)
  }

  signal(name: SignalName): void {
    if (name === 'SIGTERM' && this.script.ignoresSigterm === true) return
    this.end(EXIT_CODES[name])
  }

  freeze(): void {
    if (!this.#isLive) throw new ErrandError('task_gone', `sandbox ${this.ref.name} does not run`)
    this.#state = 'paused'
  }

  thaw(): void {
    if (!this.#isLive) throw new ErrandError('task_gone', `sandbox ${this.ref.name} does not run`)
    this.#state = 'running'
  }

  view(): SandboxView {
    const { cpuMillis, memoryBytes } = this.spec.resources
    return {
      ...this.ref,
      labels: this.labels,
      state: this.#state,
      exit: this.#exit,
      tcp: this.#isLive ? (this.script.endpoint ?? this.#server?.endpoint) : undefined,
      unix: undefined,
      pid: undefined,
      limits: { cpuMillis, memoryBytes, pids: PIDS_LIMIT },
    }
  }

  /** Ends it and resolves once its server is closed. */
  async close(): Promise<void> {
    this.end(EXIT_CODES.SIGKILL)
    this.output.end()
    await Promise.all(this.#closing)
  }

  async #becomeReady(): Promise<void> {
    const { serve, listens, mark } = this.script
    if (serve !== undefined && listens === 'when ready') await this.#server?.listen(serve)
    if (mark !== undefined && this.#isLive) this.output.print(`${mark}\n`)
  }

  /** Runs `step` now, or later on the clock. What it starts later is awaited by `close`. */
  async #after(delayMs: number | undefined, step: () => void | Promise<void>): Promise<void> {
    if (delayMs === undefined) await step()
    else this.#timers.push(this.#clock.setTimer(delayMs, () => void this.#closing.push(Promise.resolve(step()))))
  }
}
