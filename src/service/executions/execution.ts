import { ErrandError } from '../../core/errors.ts'
import type { SandboxView } from '../../engine/engine.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import type { Lease } from '../../resources/ledger.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { Serial } from '../../util/serial.ts'
import type { UsedResources } from '../executor.ts'
import type { ExecutionDeps, ExecutionEngine } from './execution-deps.ts'
import type { ExecutionFiles } from './execution-files.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import { Finalization } from './finalization.ts'
import type { Launch } from './launch.ts'
import { type Outcome, outcomeOfError, type StopIntent } from './outcome.ts'
import { diskLimit, ResourceWatch } from './resource-watch.ts'
import type { TrackedRecord } from './tracked-record.ts'

const START_TIMEOUT_MS = 120_000

export interface ExecutionParts {
  readonly deps: ExecutionDeps
  readonly plan: ExecutionPlan
  readonly on: ExecutionEngine
  readonly launch: Launch
  readonly record: TrackedRecord
  readonly files: ExecutionFiles
}

/** One execution on its way from its record to its last word. */
export class Execution {
  /** Resolves when it runs, or has run; rejects with what kept it from running. */
  readonly started: Promise<void>
  /** Resolves at its last word. Never rejects. */
  readonly settled: Promise<void>
  /** Resolves when, after that, nothing of it is left on the engine. Never rejects. */
  readonly gone: Promise<void>
  readonly #parts: ExecutionParts
  readonly #watch: ResourceWatch
  readonly #background = new BackgroundWork()
  readonly #started = Promise.withResolvers<void>()
  readonly #settled = Promise.withResolvers<void>()
  readonly #freezing = new Serial()
  /** Ends the way to the sandbox's start. */
  readonly #leaving = new AbortController()
  readonly #held = new DisposableStack()
  #lease: Lease | undefined
  #instance: ExecutionInstance | undefined
  #isUp = false
  #intent: StopIntent | undefined

  constructor(parts: ExecutionParts) {
    const { clock, log, watchPeriodMs } = parts.deps
    this.#parts = parts
    const onDiskLimit = (): void => this.#stop('disk_limit', 0)
    this.#watch = new ResourceWatch({ clock, log, periodMs: watchPeriodMs, onDiskLimit })
    this.started = this.#started.promise
    this.started.catch(() => {}) // whoever started it may have left
    this.settled = this.#settled.promise
    this.gone = this.#run()
  }

  get record(): TrackedRecord {
    return this.#parts.record
  }

  get files(): ExecutionFiles {
    return this.#parts.files
  }

  get graceMs(): number {
    return this.#parts.plan.graceMs
  }

  /** Its sandbox, while it runs. @throws not_ready before, already_ended after that */
  get instance(): ExecutionInstance {
    const { status, value } = this.record
    const { executionId } = value
    if (this.#isUp && this.#instance?.hasExited === false && (status === 'running' || status === 'paused')) {
      return this.#instance
    }
    if (this.#isUp || value.times.endedMs !== undefined) return this.refuseEnded()
    throw new ErrandError('not_ready', `execution ${executionId} does not run yet: it is ${status}`)
  }

  /** @throws already_ended */
  refuseEnded(): never {
    const { executionId, status } = this.record.value
    throw new ErrandError('already_ended', `execution ${executionId} has ended`, { details: { status } })
  }

  /** Resolves at its last word. @throws already_ended when it ends by itself already */
  async cancel(graceMs: number): Promise<void> {
    const { times } = this.record.value
    const isEnding = times.finalizingMs !== undefined || times.endedMs !== undefined
    if (isEnding || this.#instance?.hasExited === true) this.refuseEnded()
    this.#stop('cancel', graceMs)
    await this.settled
  }

  /** @throws not_ready, already_ended, unsupported */
  async pause(signal: AbortSignal): Promise<void> {
    await this.#freezing.run(async () => {
      if (this.record.status === 'paused') return
      await this.#unlessEnded(this.instance.pause(signal))
      if (this.record.status === 'running') await this.record.move('paused')
    })
  }

  /** @throws not_ready, already_ended, unsupported */
  async resume(signal: AbortSignal): Promise<void> {
    await this.#freezing.run(async () => {
      const { instance } = this
      if (this.record.status === 'running') return
      await this.#unlessEnded(instance.resume(signal))
      if (this.record.status === 'paused') await this.record.move('running')
    })
  }

  /** The first intent counts; a later one can only make it quicker. */
  #stop(intent: StopIntent, graceMs: number): void {
    this.#intent ??= intent
    const { stopSignal } = this.#parts.plan
    if (this.#isUp && this.#instance !== undefined) this.#background.add(this.#instance.stop(stopSignal, graceMs))
    else this.#leaving.abort(new ErrandError('cancelled', 'the execution was cancelled'))
  }

  async #run(): Promise<void> {
    const { deps, plan, record } = this.#parts
    try {
      const { outcome, changes } = await this.#toItsEnd()
      await record.move(outcome.status, { ...outcome, ...changes })
    } catch (error) {
      // Only the journal can fail here: what it says last is what will be known.
      deps.log.error({ err: error, execution: plan.executionId }, 'the end of an execution could not be recorded')
    }
    this.#started.reject(new ErrandError('cancelled', 'it has ended'))
    this.#settled.resolve()
    await this.#tidy()
  }

  async #toItsEnd(): Promise<{ outcome: Outcome; changes: object }> {
    const { files } = this.#parts
    try {
      const view = await this.#bringUp(this.#leaving.signal)
      this.#started.resolve()
      return await this.#supervise(view)
    } catch (error) {
      const failure = ErrandError.from(error)
      if (this.record.status === 'running' || this.record.status === 'paused') await this.record.move('finalizing')
      this.#started.reject(failure)
      await files.end()
      return { outcome: outcomeOfError(failure, this.#intent), changes: { logs: files.totals } }
    }
  }

  async #bringUp(signal: AbortSignal): Promise<SandboxView> {
    const { deps, plan, on, launch, record, files } = this.#parts
    await record.move('queued')
    this.#lease = await launch.admit(signal)
    await record.move('pulling')
    const { id, digest } = this.#held.use(await launch.image(signal))
    await record.move('creating', { image: { reference: plan.image, id, ...(digest !== undefined && { digest }) } })
    const { mounts, prefix } = await launch.mounts(files.folder, this.#held)
    signal.throwIfAborted()
    const { executionId, jobId } = plan
    const owner = { kind: 'execution', id: executionId, executor: deps.executorId, job: jobId, attempt: 1 } as const
    const spec = launch.specify(id, mounts, prefix)
    this.#instance = on.instances.execution(
      { id: executionId, spec, lease: this.#lease, output: files, startTimeoutMs: START_TIMEOUT_MS },
      owner,
    )
    const view = await this.#instance.start(signal)
    signal.throwIfAborted()
    this.#isUp = true
    if (view.pid !== undefined) deps.tracker.track(executionId, view.pid)
    await record.move('running', { ports: view.net?.ports ?? [] })
    return view
  }

  async #supervise(_view: SandboxView): Promise<{ outcome: Outcome; changes: object }> {
    const { deps, plan, record } = this.#parts
    const instance = this.#sandbox()
    const over = new AbortController()
    using _timer =
      plan.timeoutMs === undefined
        ? undefined
        : deps.clock.setTimer(plan.timeoutMs, () => this.#stop('run_timeout', plan.graceMs))
    this.#background.add(this.#watch.run(instance, diskLimit(plan.diskBytes), over.signal))
    const end = await instance.exited
    over.abort(new ErrandError('already_ended', 'it has ended'))
    // An exit seen first is its own; a pause under way has to be over before the status moves on.
    const intent = this.#intent
    await this.#freezing.run(async () => record.move('finalizing'))
    const finalization = new Finalization(this.#parts, instance)
    const used = (bill: Parameters<ResourceWatch['used']>[0]): UsedResources => this.#watch.used(bill)
    return await finalization.bringIn(end, intent, used)
  }

  #sandbox(): ExecutionInstance {
    if (this.#instance === undefined) throw new ErrandError('internal', 'it has no sandbox')
    return this.#instance
  }

  async #tidy(): Promise<void> {
    const { deps, plan, files } = this.#parts
    deps.tracker.untrack(plan.executionId)
    if (this.#instance === undefined) this.#lease?.release()
    else await this.#instance.remove()
    await this.#background.idle()
    this.#held.dispose()
    await files.removeGiven()
  }

  /** Calls on a sandbox that ends under them fail in many ways; what matters is that it has ended. */
  async #unlessEnded(call: Promise<void>): Promise<void> {
    try {
      await call
    } catch (error) {
      // Throws `already_ended` by itself when that is why.
      void this.instance
      throw error
    }
  }
}
