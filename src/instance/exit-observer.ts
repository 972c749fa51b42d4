import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { Deadline, sleep } from '../core/wait.ts'
import type { Engine, SandboxExit, SandboxRef, SignalName } from '../engine/engine.ts'
import { abortable } from '../util/abort.ts'
import type { BackgroundWork } from '../util/background-work.ts'
import { Backoff } from '../util/backoff.ts'
import type { SandboxWatch } from './sandbox-watch.ts'

export interface ExitObserverDeps {
  readonly engine: Engine
  readonly watch: SandboxWatch
  readonly clock: Clock
  readonly log: Log
  readonly background: BackgroundWork
  readonly closing: AbortSignal
}

/** How a process ends that was killed: by somebody's `rm --force`, among others. */
const KILLED = 137
/** What asks a process to end, whatever it makes of that: SIGINT, SIGQUIT, SIGKILL, SIGTERM. */
const ENDING_SIGNALS: ReadonlySet<number> = new Set([2, 3, 9, 15])
const SIGNAL_EXIT_BASE = 128

/** How long the news of a removal may take after that of the kill. */
const REMOVAL_NEWS_MS = 1000

/** How a sandbox ended. */
export interface SandboxEnd {
  /** Undefined when it was removed behind our back, or is observed no more. */
  readonly exitCode: number | undefined
  readonly isOomKilled: boolean
  /** By the engine's clock, milliseconds since the Unix epoch, where it tells. */
  readonly finishedMs?: number
  /** Somebody else had the engine send it a signal that it ended of, or that asks to end. */
  readonly wasStopped?: boolean
  /** Nobody saw it end: what ran it was lost. */
  readonly isRuntimeLost?: boolean
}

/** Learns that a sandbox has exited: events say when to look, inspection says what happened. */
export class ExitObserver implements Disposable {
  /** Known before `exited`, which tells how. */
  readonly ended: Promise<void>
  readonly exited: Promise<SandboxEnd>
  readonly #deps: ExitObserverDeps
  readonly #ended = Promise.withResolvers<void>()
  readonly #removed = Promise.withResolvers<void>()
  readonly #settled = Promise.withResolvers<SandboxEnd>()
  /** Aborts once there is nothing more to learn. */
  readonly #over = new AbortController()
  #watching: Disposable | undefined
  /** Reasons to look that no inspection has answered yet. */
  #reasons = 0
  #isSettled = false
  #isKillOurs = false
  #isSignalOurs = false
  /** That others had the engine send. */
  readonly #signals = new Set<number>()
  /** As the engine told it when it happened. */
  #toldExitCode: number | undefined

  constructor(deps: ExitObserverDeps) {
    this.#deps = deps
    this.ended = this.#ended.promise
    this.exited = this.#settled.promise
  }

  /** Call it before the start; of one that may have exited already, say so. */
  observe(ref: SandboxRef, mayHaveExited = false): void {
    const look = () => {
      this.#reasons += 1
      if (this.#reasons === 1) this.#deps.background.add(this.#lookUntilAnswered(ref))
    }
    const onRemoved = () => {
      this.#removed.resolve()
      look()
    }
    const onSignalled = (signal: number) => {
      if (!this.#isSignalOurs) this.#signals.add(signal)
    }
    const onExited = (exitCode: number) => {
      this.#toldExitCode = exitCode
      look()
    }
    this.#watching = this.#deps.watch.add(ref.id, { onSignalled, onExited, onRemoved, onGap: look })
    if (mayHaveExited) look()
  }

  /** From now on signals are ours, and a kill is no sign of a removal. */
  expectSignal(name: SignalName): void {
    this.#isSignalOurs = true
    this.#isKillOurs ||= name === 'SIGKILL'
  }

  get hasExited(): boolean {
    return this.#isSettled
  }

  /** Ends the observation. */
  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]()
    this.#isSettled = true
    this.#over.abort(new ErrandError('cancelled', 'the instance is observed no more'))
    this.#removed.resolve()
    this.#ended.resolve()
    this.#settled.resolve({ exitCode: undefined, isOomKilled: false })
  }

  /** An engine that has just come back may need several questions; more events will not come. */
  async #lookUntilAnswered(ref: SandboxRef): Promise<void> {
    const { clock, closing, log } = this.#deps
    const signal = AbortSignal.any([closing, this.#over.signal])
    const backoff = new Backoff(200, 10_000)
    while (this.#reasons > 0 && !signal.aborted && !this.#isSettled) {
      const answered = this.#reasons
      try {
        await this.#look(ref, signal)
        this.#reasons -= answered
        backoff.reset()
      } catch (error) {
        if (signal.aborted) return
        log.warn({ err: error, sandbox: ref.name }, 'could not see whether an instance has exited; looking again')
        await sleep(clock, backoff.nextMs(), signal).catch(() => {})
      }
    }
  }

  async #look(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    const found = await this.#deps.engine.inspect(ref, signal)
    const view = found?.id === ref.id ? found : undefined
    if (this.#isSettled || (view !== undefined && view.state !== 'exited')) return
    this.#isSettled = true
    this.#ended.resolve()
    const exit = this.#describe(view?.isBeingRemoved === true ? undefined : view?.exit)
    const isStrange = exit.exitCode === KILLED && !exit.isOomKilled && !this.#isKillOurs
    const isRemoved = isStrange && (await this.#isBeingRemoved())
    this.#settled.resolve(isRemoved ? { ...exit, exitCode: undefined } : exit)
  }

  #describe(exit: SandboxExit | undefined): SandboxEnd {
    if (exit === undefined) return { exitCode: undefined, isOomKilled: false }
    const { exitCode } = exit
    const isEnding = (signal: number) => ENDING_SIGNALS.has(signal) || exitCode === SIGNAL_EXIT_BASE + signal
    const isRuntimeLost = this.#toldExitCode !== undefined && this.#toldExitCode !== exitCode
    const wasStopped = [...this.#signals].some(isEnding)
    return { ...exit, ...(wasStopped && { wasStopped }), ...(isRuntimeLost && { isRuntimeLost }) }
  }

  /** A removal by force kills first, and is seen to be one only when it is done. */
  async #isBeingRemoved(): Promise<boolean> {
    const { clock, closing } = this.#deps
    const enough = () => new ErrandError('deadline_exceeded', 'not removed')
    using deadline = new Deadline(clock, REMOVAL_NEWS_MS, enough, closing)
    return await abortable(this.#removed.promise, deadline.signal).then(
      () => true,
      () => false,
    )
  }
}
