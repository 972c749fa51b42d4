import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { sleep } from '../core/wait.ts'
import type { Engine, EngineEvent, SandboxListing } from '../engine/engine.ts'
import { abortable } from '../util/abort.ts'
import { Backoff } from '../util/backoff.ts'

/** What one sandbox's owner wants to hear. */
export interface SandboxWatcher {
  /** Of our own signals, too. */
  onSignalled(signal: number): void
  onExited(exitCode: number): void
  onRemoved(): void
  /** Events may have been missed: only inspection tells. */
  onGap(): void
}

export interface SandboxWatchDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly log: Log
  readonly label: string
  readonly value: string
}

/** One event stream of the engine for all sandboxes: listens again whenever it breaks, and says so to every watcher. */
export class SandboxWatch implements AsyncDisposable {
  readonly #deps: SandboxWatchDeps
  readonly #watchers = new Map<string, SandboxWatcher>()
  readonly #gapListeners = new Set<() => void>()
  readonly #closing = new AbortController()
  readonly #backoff = new Backoff(200, 10_000)
  readonly #firstListening = Promise.withResolvers<void>()
  #running: Promise<void> = Promise.resolve()

  private constructor(deps: SandboxWatchDeps) {
    this.#deps = deps
  }

  /** Resolves once events arrive, so that nothing that is started later can be missed. */
  static async open(deps: SandboxWatchDeps, signal: AbortSignal): Promise<SandboxWatch> {
    await using stack = new AsyncDisposableStack()
    const watch = stack.use(new SandboxWatch(deps))
    watch.#running = watch.#run()
    await abortable(watch.#firstListening.promise, signal)
    stack.move()
    return watch
  }

  /** Call it before the sandbox is started. Disposing ends the watching. */
  add(sandboxId: string, watcher: SandboxWatcher): Disposable {
    this.#watchers.set(sandboxId, watcher)
    return { [Symbol.dispose]: () => void this.#watchers.delete(sandboxId) }
  }

  /** Calls `listener` whenever events may have been missed, after those who watch one sandbox. */
  onGap(listener: () => void): void {
    this.#gapListeners.add(listener)
  }

  /** Whoever watches one that is not among those that run has missed something. */
  compare(listed: readonly SandboxListing[]): void {
    const live = new Set(listed.filter(({ state }) => state !== 'exited').map(({ id }) => id))
    for (const [id, watcher] of this.#watchers) if (!live.has(id)) watcher.onGap()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the watch is closed'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { engine, label, value, clock, log } = this.#deps
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        for await (const event of engine.events(label, value, signal)) this.#dispatch(event)
      } catch (error) {
        if (signal.aborted) return
        log.warn({ err: error, tries: this.#backoff.tries }, 'the engine event stream broke; listening again')
      }
      await sleep(clock, this.#backoff.nextMs(), signal).catch(() => {})
    }
  }

  #dispatch(event: EngineEvent): void {
    switch (event.kind) {
      case 'listening':
        this.#backoff.reset()
        this.#firstListening.resolve()
        for (const watcher of this.#watchers.values()) watcher.onGap()
        for (const listener of this.#gapListeners) listener()
        return
      case 'signalled':
        this.#watchers.get(event.id)?.onSignalled(event.signal)
        return
      case 'exited':
        this.#watchers.get(event.id)?.onExited(event.exitCode)
        return
      case 'removed':
        this.#watchers.get(event.id)?.onRemoved()
        return
      default:
        event satisfies never
    }
  }
}
