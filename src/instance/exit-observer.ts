import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { Deadline } from '../core/wait.ts'
import type { Engine, SandboxRef } from '../engine/engine.ts'
import { abortable } from '../util/abort.ts'
import type { BackgroundWork } from '../util/background-work.ts'
import type { InstanceExit } from './instance.ts'
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
/** How long the news of a removal may take after that of the kill. */
const REMOVAL_NEWS_MS = 1000

/** Learns that a sandbox has exited: events say when to look, inspection says what happened. */
export class ExitObserver implements Disposable {
  /** Known before `exited`, which tells how. */
  readonly ended: Promise<void>
  readonly exited: Promise<InstanceExit>
  readonly #deps: ExitObserverDeps
  readonly #ended = Promise.withResolvers<void>()
  readonly #removed = Promise.withResolvers<void>()
  readonly #settled = Promise.withResolvers<InstanceExit>()
  #ref: SandboxRef | undefined
  #watching: Disposable | undefined
  #isSettled = false

  constructor(deps: ExitObserverDeps) {
    this.#deps = deps
    this.ended = this.#ended.promise
    this.exited = this.#settled.promise
  }

  /** Call it before the start. `finish` adds what only the owner knows. */
  observe(
    ref: SandboxRef,
    finish: (exit: Pick<InstanceExit, 'exitCode' | 'isOomKilled'>) => Promise<InstanceExit>,
  ): void {
    const look = () => this.#deps.background.add(this.#look(ref, finish))
    this.#ref = ref
    const onRemoved = () => {
      this.#removed.resolve()
      look()
    }
    this.#watching = this.#deps.watch.add(ref.id, { onExited: look, onRemoved, onGap: look })
  }

  get hasExited(): boolean {
    return this.#isSettled
  }

  /** Ends the observation; an exit not seen until then counts as ours. */
  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]()
    this.#isSettled = true
    this.#removed.resolve()
    this.#ended.resolve()
    this.#settled.resolve({ exitCode: undefined, isOomKilled: false, wasStopped: true, log: '' })
  }

  async #look(ref: SandboxRef, finish: Parameters<ExitObserver['observe']>[1]): Promise<void> {
    if (this.#isSettled) return
    try {
      const view = await this.#deps.engine.inspect(ref, this.#deps.closing)
      if (this.#isSettled || (view !== undefined && view.state !== 'exited')) return
      this.#isSettled = true
      this.#ended.resolve()
      const exit = { exitCode: view?.exit?.exitCode, isOomKilled: view?.exit?.isOomKilled ?? false }
      const isRemoved = exit.exitCode === KILLED && !exit.isOomKilled && (await this.#isBeingRemoved())
      this.#settled.resolve(await finish(isRemoved ? { ...exit, exitCode: undefined } : exit))
    } catch (error) {
      // Not lost: the event stream breaks with the engine, and every reconnection looks again.
      this.#deps.log.warn({ err: error, sandbox: this.#ref?.name }, 'could not see whether an instance has exited')
    }
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
