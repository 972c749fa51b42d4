import type { StartPermits } from '../admission/start-permits.ts'
import { ErrandError } from '../core/errors.ts'
import { Deadline, sleep } from '../core/wait.ts'
import type {
  DiskUsage,
  ExecCommand,
  OutputSink,
  SandboxBill,
  SandboxIdentity,
  SandboxRef,
  SandboxStats,
  SandboxView,
  SignalName,
} from '../engine/engine.ts'
import { EngineUnresponsive } from '../engine/engine-breaker.ts'
import { untilAnswered } from '../engine/until-answered.ts'
import { Backoff } from '../util/backoff.ts'
import type { SandboxEnd } from './exit-observer.ts'
import type { Intent } from './instance.ts'
import { type CaptureSink, OutputCapture } from './output-capture.ts'
import { LATE_CALL_MS } from './removal.ts'
import { StopLadder } from './stop-ladder.ts'
import { type SandboxPlan, SupervisedSandbox, type SupervisionDeps } from './supervised-sandbox.ts'

export interface ExecutionInstanceDeps extends SupervisionDeps {
  readonly permits: StartPermits
}

export interface ExecutionInstancePlan extends SandboxPlan {
  /** Gets everything that it prints, from the first byte. */
  readonly output: CaptureSink
  readonly startTimeoutMs: number
  /** Told before every engine call that changes something. */
  intend(intent: Intent): Promise<void>
}

/** The sandbox of one attempt at an execution: runs to its end, and stays until its owner has brought its results in. */
export class ExecutionInstance {
  readonly gone: Promise<void>
  readonly #deps: ExecutionInstanceDeps
  readonly #plan: ExecutionInstancePlan
  readonly #sandbox: SupervisedSandbox
  readonly #capture: OutputCapture
  readonly #ladder: StopLadder
  #stopping: Promise<void> | undefined
  #wasForced = false
  #wasCreateAsked = false
  #wasStartAsked = false
  #mayRun = false

  constructor(deps: ExecutionInstanceDeps, plan: ExecutionInstancePlan, identify: (tries: number) => SandboxIdentity) {
    this.#deps = deps
    this.#plan = plan
    const intend = (intent: Intent): Promise<void> => plan.intend(intent)
    this.#sandbox = new SupervisedSandbox({ ...deps, intend }, plan, identify)
    this.#capture = new OutputCapture({ ...deps, exited: this.#sandbox.ended }, plan.output)
    this.#ladder = new StopLadder(deps, this.#sandbox, (signal) => this.#thaw(signal))
    this.gone = this.#sandbox.gone
  }

  /** Under which the engine knows it. */
  get name(): string {
    return this.#sandbox.name
  }

  get hasExited(): boolean {
    return this.#sandbox.hasExited
  }

  /** The engine was asked to start it by this process, whatever it has answered. */
  get mayRun(): boolean {
    return this.#mayRun
  }

  /** Resolves when it has ended and it is known how. Never rejects. */
  get exited(): Promise<SandboxEnd> {
    return this.#sandbox.exited
  }

  /** It did not end within its grace. */
  get wasForced(): boolean {
    return this.#wasForced
  }

  /**
   * Creates and starts it, when it is its turn. An engine that gives no answer is waited for, and asked what it has done
   * before it is asked to do anything again: what was started is not started twice. When `detaching` aborts, no more is
   * asked of it, and a call that it has not answered is waited for until `parent` aborts. After a rejection: `remove`, or
   * `letGo`.
   */
  async start(parent: AbortSignal, detaching: AbortSignal): Promise<SandboxView> {
    const { permits, clock, log } = this.#deps
    const either = AbortSignal.any([parent, detaching])
    using _permit = await permits.acquire(either)
    let found: SandboxView | undefined
    for (;;) {
      try {
        const view = await this.#bringUp(found, parent, detaching)
        this.#sandbox.markReady()
        return view
      } catch (error) {
        this.#sandbox.markFailed(error)
        if (either.aborted || this.#sandbox.state !== 'unknown') throw error
        this.#wasCreateAsked ||= !(error instanceof EngineUnresponsive)
        log.warn({ err: error, sandbox: this.name }, 'the engine did not say what it did; waiting until it does')
      }
      found = await untilAnswered(clock, () => this.#settled(either), either)
    }
  }

  /** From what an earlier try has come to. */
  async #bringUp(found: SandboxView | undefined, parent: AbortSignal, detaching: AbortSignal): Promise<SandboxView> {
    if (found !== undefined && found.state !== 'created') return found
    detaching.throwIfAborted()
    const { clock } = this.#deps
    const tooLate = (): ErrandError =>
      new ErrandError('engine_unavailable', `the engine did not start it within ${this.#plan.startTimeoutMs} ms`)
    using deadline = new Deadline(clock, this.#plan.startTimeoutMs, tooLate, parent)
    const ref = this.#sandbox.ref ?? (await this.#sandbox.create(deadline.signal, true))
    await this.#capture.attach(ref, AbortSignal.any([deadline.signal, detaching]))
    detaching.throwIfAborted()
    this.#wasStartAsked = true
    this.#mayRun = true
    return await this.#sandbox.start(ref, deadline.signal)
  }

  /** What there is of it. A call that gave no answer may still take effect a little later. */
  async #settled(signal: AbortSignal): Promise<SandboxView | undefined> {
    const { clock } = this.#deps
    const backoff = new Backoff(100, 2000)
    let untilMs = Infinity
    for (;;) {
      const view = await this.#sandbox.recall(signal)
      if (view === undefined && this.#sandbox.ref !== undefined) {
        throw new ErrandError('task_gone', `${this.name} vanished while it was started`)
      }
      const isSettled = view === undefined ? !this.#wasCreateAsked : view.state !== 'created' || !this.#wasStartAsked
      if (isSettled) return view
      untilMs = Math.min(untilMs, clock.monotonicMs() + LATE_CALL_MS)
      if (clock.monotonicMs() >= untilMs) return view
      await sleep(clock, backoff.nextMs(), signal)
    }
  }

  /** Takes over what an earlier process started, running or exited. Instead of `start`. */
  adopt(view: SandboxView): void {
    this.#sandbox.adopt(view)
    this.#capture.resume({ name: view.name, id: view.id })
  }

  /**
   * Takes over what an earlier process may have had started, which the engine shows as created: a start that was asked for
   * may still take effect. Undefined when it has not, and will not: it has never run.
   */
  async adoptLate(view: SandboxView, signal: AbortSignal): Promise<SandboxView | undefined> {
    this.#sandbox.adopt(view)
    this.#wasCreateAsked = true
    this.#wasStartAsked = true
    const found = await untilAnswered(this.#deps.clock, () => this.#settled(signal), signal)
    if (found === undefined || found.state === 'created') return undefined
    this.#capture.resume({ name: view.name, id: view.id })
    return found
  }

  /** Leaves it as it is, for the next process to take over. */
  letGo(): void {
    this.#capture[Symbol.dispose]()
  }

  /** `name`, then SIGKILL after `graceMs`; resolves when it has ended, however often the engine has to be asked. */
  stop(name: SignalName, graceMs: number): Promise<void> {
    this.#ladder.allow(graceMs)
    this.#stopping ??= this.#stop(name)
    return this.#stopping
  }

  /** Resolves when all its output is in, or no more can be had. Call it once it has exited. */
  drain(): Promise<void> {
    return this.#capture.drain()
  }

  /** Ends and removes it; resolves when nothing is left, or the process lets go. */
  remove(): Promise<void> {
    const removed = this.#sandbox.remove()
    this.#capture[Symbol.dispose]()
    return removed
  }

  pause(signal: AbortSignal): Promise<void> {
    return this.#deps.engine.pause(this.#live(), signal)
  }

  resume(signal: AbortSignal): Promise<void> {
    return this.#deps.engine.resume(this.#live(), signal)
  }

  exec(command: ExecCommand, sink: OutputSink, signal: AbortSignal): Promise<{ readonly exitCode: number }> {
    return this.#deps.engine.exec(this.#live(), command, sink, signal)
  }

  stats(signal: AbortSignal): Promise<SandboxStats | undefined> {
    return this.#deps.engine.stats(this.#live(), signal)
  }

  inspect(signal: AbortSignal): Promise<SandboxView | undefined> {
    return this.#deps.engine.inspect(this.#live(), signal)
  }

  diskUsage(limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined> {
    return this.#deps.engine.diskUsage(this.#live(), limit, signal)
  }

  bill(signal: AbortSignal): Promise<SandboxBill | undefined> {
    return this.#deps.engine.bill(this.#live(), signal)
  }

  /** For what looks into its file system. */
  get ref(): SandboxRef {
    return this.#live()
  }

  #live(): SandboxRef {
    const { ref } = this.#sandbox
    if (ref === undefined) throw new ErrandError('not_ready', 'its sandbox has not been made yet')
    return ref
  }

  async #stop(name: SignalName): Promise<void> {
    this.#sandbox.markLeaving()
    await this.#ladder.ask(name)
    if (this.hasExited || this.#deps.closing.aborted) return
    this.#wasForced = true
    await this.#ladder.kill()
    if (!this.hasExited) await this.remove()
  }

  async #thaw(signal: AbortSignal): Promise<void> {
    const { engine } = this.#deps
    const view = await engine.inspect(this.#live(), signal)
    if (view?.state === 'paused') await engine.resume(this.#live(), signal)
  }
}
