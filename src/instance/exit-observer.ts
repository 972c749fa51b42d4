import type { Log } from '../core/log.ts'
import type { Engine, SandboxRef } from '../engine/engine.ts'
import type { BackgroundWork } from '../util/background-work.ts'
import type { InstanceExit } from './instance.ts'
import type { SandboxWatch } from './sandbox-watch.ts'

export interface ExitObserverDeps {
  readonly engine: Engine
  readonly watch: SandboxWatch
  readonly log: Log
  readonly background: BackgroundWork
  readonly closing: AbortSignal
}

/** Learns that a sandbox has exited: events say when to look, inspection says what happened. */
export class ExitObserver implements Disposable {
  readonly exited: Promise<InstanceExit>
  readonly #deps: ExitObserverDeps
  readonly #settled = Promise.withResolvers<InstanceExit>()
  #ref: SandboxRef | undefined
  #watching: Disposable | undefined
  #isSettled = false

  constructor(deps: ExitObserverDeps) {
    this.#deps = deps
    this.exited = this.#settled.promise
  }

  /** Call it before the start. `finish` adds what only the owner knows. */
  observe(
    ref: SandboxRef,
    finish: (exit: Pick<InstanceExit, 'exitCode' | 'isOomKilled'>) => Promise<InstanceExit>,
  ): void {
    const look = () => this.#deps.background.add(this.#look(ref, finish))
    this.#ref = ref
    this.#watching = this.#deps.watch.add(ref.id, { onExited: look, onGap: look })
  }

  get hasExited(): boolean {
    return this.#isSettled
  }

  /** Ends the observation; an exit not seen until then counts as ours. */
  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]()
    this.#isSettled = true
    this.#settled.resolve({ exitCode: undefined, isOomKilled: false, wasStopped: true, log: '' })
  }

  async #look(ref: SandboxRef, finish: Parameters<ExitObserver['observe']>[1]): Promise<void> {
    if (this.#isSettled) return
    try {
      const view = await this.#deps.engine.inspect(ref, this.#deps.closing)
      if (this.#isSettled || (view !== undefined && view.state !== 'exited')) return
      this.#isSettled = true
      this.#settled.resolve(
        await finish({ exitCode: view?.exit?.exitCode, isOomKilled: view?.exit?.isOomKilled ?? false }),
      )
    } catch (error) {
      // Not lost: the event stream breaks with the engine, and every reconnection looks again.
      this.#deps.log.warn({ err: error, sandbox: this.#ref?.name }, 'could not see whether an instance has exited')
    }
  }
}
