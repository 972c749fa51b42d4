import { ErrandError } from '../../core/errors.ts'
import { canMove, isTerminal } from '../../core/execution.ts'
import type { SandboxView } from '../../engine/engine.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import type { Lease } from '../../resources/ledger.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { Serial } from '../../util/serial.ts'
import type { StopIntent } from '../executor.ts'
import type { ExecutionFiles } from './execution-files.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { Finalization } from './finalization.ts'
import { type Outcome, outcomeOfError } from './outcome.ts'
import { refuseEnded } from './past-execution.ts'
import { diskLimit, ResourceWatch } from './resource-watch.ts'
import type { TrackedRecord } from './tracked-record.ts'

const START_TIMEOUT_MS = 120_000

/** Where an execution begins in this process. */
export type Beginning =
  | { readonly kind: 'new' }
  /** An earlier process has started this sandbox. */
  | { readonly kind: 'adopt'; readonly view: SandboxView }
  /** Nothing is left of it that could be run or asked. */
  | { readonly kind: 'settle'; readonly outcome: Outcome }

type End = { readonly outcome: Outcome; readonly changes: object }

/** One execution on its way from its record to its last word. */
export class Execution {
  /** Resolves when it runs, or has run; rejects with what kept it from running. */
  readonly started: Promise<void>
  /** Resolves at its last word, or when this process lets go of it. Never rejects. */
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
  /** Aborts when this process lets go, and leaves it to the next one. */
  readonly #detaching = new AbortController()
  readonly #held = new DisposableStack()
  #lease: Lease | undefined
  #instance: ExecutionInstance | undefined
  #isUp = false
  #intent: StopIntent | undefined

  constructor(parts: ExecutionParts, beginning: Beginning = { kind: 'new' }) {
    const { clock, log, watchPeriodMs } = parts.deps
    this.#parts = parts
    const onDiskLimit = (): void => this.#stop('disk_limit', 0)
    this.#watch = new ResourceWatch({ clock, log, periodMs: watchPeriodMs, onDiskLimit })
    this.started = this.#started.promise
    this.started.catch(() => {}) // whoever started it may have left
    this.settled = this.#settled.promise
    this.gone = this.#run(beginning)
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
    const isUp = this.#isUp && (status === 'running' || status === 'paused')
    if (isUp && this.#instance?.hasExited === false) return this.#instance
    if (this.#isUp || isTerminal(status)) return this.refuseEnded()
    throw new ErrandError('not_ready', `execution ${value.executionId} does not run yet: it is ${status}`)
  }

  /** @throws already_ended */
  refuseEnded(): never {
    return refuseEnded(this.record.value)
  }

  /** Resolves at its last word. @throws already_ended when it ends by itself already */
  async cancel(graceMs: number): Promise<void> {
    const { status } = this.record
    const hasEnded = status === 'finalizing' || isTerminal(status) || this.#instance?.hasExited === true
    if (hasEnded) this.refuseEnded()
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

  /** Lets go: what runs goes on, what waits will be begun again by the next process. Resolves with `gone`. */
  detach(): Promise<void> {
    const reason = new ErrandError('draining', 'the node lets go of its executions')
    this.#detaching.abort(reason)
    // A start under way is brought to its end: nothing may be created that nobody knows of.
    if (this.record.status !== 'creating') this.#leaving.abort(reason)
    return this.gone
  }

  /** The first intent counts; a later one can only make it quicker. */
  #stop(intent: StopIntent, graceMs: number): void {
    const isFirst = this.#intent === undefined
    this.#intent ??= intent
    if (!this.#isUp) this.#leaving.abort(new ErrandError('cancelled', 'the execution was cancelled'))
    this.#background.add(this.#carryOut(isFirst, intent, graceMs))
  }

  /** The intent is recorded first: should this process die, the next one knows that the end was ours. */
  async #carryOut(isFirst: boolean, kind: StopIntent, graceMs: number): Promise<void> {
    const { deps, plan } = this.#parts
    try {
      if (isFirst) await this.record.amend({ intent: { kind, atMs: deps.clock.wallMs(), graceMs } })
    } catch (error) {
      deps.log.error({ err: error, execution: plan.executionId }, 'the end of an execution could not be announced')
    }
    if (this.#isUp) await this.#instance?.stop(plan.stopSignal, graceMs)
  }

  async #run(beginning: Beginning): Promise<void> {
    const { deps, plan } = this.#parts
    const end = await this.#toItsEnd(beginning)
    if (end !== undefined) {
      try {
        await this.#settle(end)
      } catch (error) {
        // What the journal says last is what will be known.
        deps.log.error({ err: error, execution: plan.executionId }, 'the end of an execution could not be recorded')
      }
    }
    this.#started.reject(this.#detaching.signal.reason ?? new ErrandError('cancelled', 'it has ended'))
    this.#settled.resolve()
    await this.#tidy(end === undefined)
  }

  async #settle({ outcome, changes }: End): Promise<void> {
    const { record } = this
    if (!canMove(record.status, outcome.status)) await record.move('finalizing')
    await record.move(outcome.status, { ...outcome, ...changes })
  }

  /** Undefined when this process let go before. */
  async #toItsEnd(beginning: Beginning): Promise<End | undefined> {
    const { files } = this.#parts
    try {
      if (beginning.kind === 'settle') return await this.#ended(beginning.outcome)
      if (beginning.kind === 'adopt') await this.#takeOver(beginning.view)
      else await this.#bringUp(this.#leaving.signal)
      this.#started.resolve()
      return await this.#supervise()
    } catch (error) {
      if (this.#detaching.signal.aborted) return undefined
      const failure = ErrandError.from(error)
      this.#started.reject(failure)
      await files.end()
      return await this.#ended(outcomeOfError(failure, this.#intent))
    }
  }

  async #ended(outcome: Outcome): Promise<End> {
    const { files } = this.#parts
    await files.end()
    return { outcome, changes: { logs: files.totals } }
  }

  async #bringUp(signal: AbortSignal): Promise<void> {
    const { deps, plan, launch, files } = this.#parts
    await this.#advance('queued')
    this.#lease = await launch.admit(signal)
    await this.#advance('pulling')
    const { id, digest } = this.#held.use(await launch.image(signal))
    const image = { reference: plan.image, id, ...(digest !== undefined && { digest }) }
    await this.#advance('creating', { image, host: { bootId: deps.bootId } })
    const { mounts, prefix } = await launch.mounts(files.folder, this.#held)
    signal.throwIfAborted()
    this.#instance = this.#plan(id, launch.specify(id, mounts, prefix), this.#lease)
    const view = await this.#instance.start(signal)
    signal.throwIfAborted()
    await this.#nowRunning(view)
  }

  async #takeOver(view: SandboxView): Promise<void> {
    const { deps, plan, on, launch, record } = this.#parts
    const imageId = record.value.image?.id ?? ''
    const spec = launch.specify(imageId, [])
    const holder = { instanceId: plan.executionId, image: plan.image }
    this.#lease = deps.admission.adopt(on.engine.footprint(spec), holder)
    this.#instance = this.#plan(imageId, spec, this.#lease)
    this.#instance.adopt(view)
    await this.#nowRunning(view)
    const { intent } = record.value
    if (intent === undefined) return
    this.#intent = intent.kind
    this.#background.add(this.#instance.stop(plan.stopSignal, intent.graceMs))
  }

  async #nowRunning(view: SandboxView): Promise<void> {
    const { deps, plan, on, record } = this.#parts
    this.#isUp = true
    if (view.pid !== undefined) deps.tracker.track(plan.executionId, view.pid)
    if (record.status !== 'creating') return
    const engineStartedMs = await on.instances.engineStartedMs(this.#detaching.signal)
    const host = { bootId: deps.bootId, ...(engineStartedMs !== undefined && { engineStartedMs }) }
    await record.move('running', { ports: view.net?.ports ?? [], host })
  }

  #plan(imageId: string, spec: ReturnType<ExecutionParts['launch']['specify']>, lease: Lease): ExecutionInstance {
    const { deps, plan, on, record, files } = this.#parts
    const { executionId, jobId } = plan
    const { attempt } = record.value
    const owner = { kind: 'execution', id: executionId, executor: deps.executorId, job: jobId, attempt } as const
    const intend = async ({
      name,
      step,
    }: {
      name: string
      step: 'create' | 'start' | 'stop' | 'remove'
    }): Promise<void> => {
      if (step === 'create' || step === 'start') await record.amend({ step: { name, step } })
    }
    const sandbox = { id: executionId, spec: { ...spec, imageId }, lease, output: files, intend }
    return on.instances.execution({ ...sandbox, startTimeoutMs: START_TIMEOUT_MS }, owner)
  }

  async #supervise(): Promise<End> {
    const { deps, plan, record } = this.#parts
    const instance = this.#sandbox()
    const over = new AbortController()
    using _timer = this.#armTimeout()
    using _over = { [Symbol.dispose]: () => over.abort(new ErrandError('already_ended', 'it has ended')) }
    this.#background.add(this.#watch.run(instance, diskLimit(plan.diskBytes), over.signal))
    const end = await abortable(instance.exited, this.#detaching.signal)
    // An exit seen first is its own; a pause under way has to be over before the status moves on.
    const intent = this.#intent
    if (record.status !== 'finalizing') await this.#freezing.run(async () => await record.move('finalizing'))
    const finalization = new Finalization(this.#parts, instance, this.#watch)
    const brought = await finalization.bringIn(end, intent)
    deps.log.debug({ execution: plan.executionId, status: brought.outcome.status }, 'an execution has ended')
    return brought
  }

  /** What is left of its time, counted from when it began to run, in whichever process. */
  #armTimeout(): Disposable | undefined {
    const { deps, plan, record } = this.#parts
    const { timeoutMs, graceMs } = plan
    if (timeoutMs === undefined) return undefined
    const ranMs = deps.clock.wallMs() - (record.value.times.runningMs ?? deps.clock.wallMs())
    const leftMs = Math.min(timeoutMs, Math.max(0, timeoutMs - ranMs))
    return deps.clock.setTimer(leftMs, () => this.#stop('run_timeout', graceMs))
  }

  /** One that is taken up again by another process has been further already. */
  async #advance(
    status: 'queued' | 'pulling' | 'creating',
    changes: Parameters<TrackedRecord['move']>[1] = {},
  ): Promise<void> {
    if (canMove(this.record.status, status)) await this.record.move(status, changes)
    else await this.record.amend(changes)
  }

  #sandbox(): ExecutionInstance {
    if (this.#instance === undefined) throw new ErrandError('internal', 'it has no sandbox')
    return this.#instance
  }

  async #tidy(isLeft: boolean): Promise<void> {
    const { deps, plan, files } = this.#parts
    deps.tracker.untrack(plan.executionId)
    if (this.#instance === undefined) this.#lease?.release()
    else if (isLeft) this.#instance.letGo()
    else await this.#instance.remove()
    if (!isLeft) await this.#background.idle()
    this.#held.dispose()
    if (isLeft) await files.close()
    else await files.removeGiven()
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
