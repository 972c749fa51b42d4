import type { Clock } from '../core/clock.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { sleep } from '../core/wait.ts'
import { loggableDetails } from '../instance/exit-errors.ts'
import type { Instance } from '../instance/instance.ts'
import { StartPhases } from '../instance/start-phases.ts'
import type { BackgroundWork } from '../util/background-work.ts'
import type { ColdStarter } from './cold-start.ts'
import type { PoolMeter } from './pool-meter.ts'
import type { Launch, Shelf } from './shelf.ts'
import type { StartingInstance } from './starting-instance.ts'

export interface LaunchesDeps {
  readonly coldStart: ColdStarter
  readonly clock: Clock
  readonly log: Log
  readonly background: BackgroundWork
  readonly onReady: (shelf: Shelf, instance: Instance, phases: StartPhases) => void
  /** After those who waited for it have been told. */
  readonly onFailed: (shelf: Shelf) => void
  readonly meter?: PoolMeter | undefined
}

/** Failures that say something about the task rather than about this node. */
const TASK_FAULTS: ReadonlySet<ErrorCode> = new Set(['task_exited', 'task_gone', 'not_ready', 'command_not_found'])

/** The starts under way: as many per task as those who wait for it can use. */
export class Launches {
  readonly #deps: LaunchesDeps

  constructor(deps: LaunchesDeps) {
    this.#deps = deps
  }

  /** Begins the starts that are missing. */
  scale(shelf: Shelf): void {
    const sinceMs = this.#deps.clock.monotonicMs()
    while (shelf.launches.size < shelf.neededLaunches) {
      const launch: Launch = { controller: new AbortController(), starting: undefined, sinceMs }
      shelf.launches.add(launch)
      this.#deps.background.add(this.#launch(shelf, launch))
    }
  }

  async #launch(shelf: Shelf, launch: Launch): Promise<void> {
    const { clock, coldStart, onReady, onFailed } = this.#deps
    const { signal } = launch.controller
    const phases = new StartPhases(clock)
    const onStarting = (instance: StartingInstance): void => {
      launch.starting = instance
    }
    try {
      const delayMs = shelf.crashes.delayMs(clock.monotonicMs())
      if (delayMs > 0) await sleep(clock, delayMs, signal)
      phases.end('queue')
      const instance = await coldStart.start(shelf.key, shelf.task, phases, onStarting, signal)
      shelf.launches.delete(launch)
      this.#deps.meter?.started(phases)
      onReady(shelf, instance, phases)
    } catch (thrown) {
      shelf.launches.delete(launch)
      if (!signal.aborted) this.#report(shelf, ErrandError.from(thrown))
      onFailed(shelf)
    }
  }

  #report(shelf: Shelf, error: ErrandError): void {
    const { clock, log, meter } = this.#deps
    const { code, cause } = error
    meter?.startFailed(code)
    const details = loggableDetails(error.details)
    log.warn({ image: shelf.task.image, code, details, err: cause }, `a start failed: ${error.message}`)
    if (TASK_FAULTS.has(code)) shelf.crashes.note(error, clock.monotonicMs())
    // Those who wait can still be served by the instances that are there.
    if (code === 'resources_exhausted' && shelf.members.size > 0) return
    for (const request of shelf.takeShare()) request.reject(error)
  }
}
