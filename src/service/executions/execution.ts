import { ErrandError } from '../../core/errors.ts'
import { canMove, isTerminal } from '../../core/execution.ts'
import { sleep } from '../../core/wait.ts'
import type { DiskUsage, SandboxProfile, SandboxView } from '../../engine/engine.ts'
import type { PullReport } from '../../images/pull-watch.ts'
import { diskLimit } from '../../instance/disk-limit.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { Backoff } from '../../util/backoff.ts'
import { Serial } from '../../util/serial.ts'
import type { StopIntent } from '../executor.ts'
import { BringUp } from './bring-up.ts'
import type { ExecutionFiles } from './execution-files.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { Finalization } from './finalization.ts'
import { isAccident, type Outcome, outcomeOfError } from './outcome.ts'
import { refuseEnded } from './past-execution.ts'
import type { Beginning } from './recovery.ts'
import { ResourceWatch } from './resource-watch.ts'
import { timeLeft } from './time-left.ts'
import type { TrackedRecord } from './tracked-record.ts'
import type { Uploads } from './uploads.ts'

/** Of one that may be run more than once. */
const MOST_ATTEMPTS = 10

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
  #bringing: BringUp
  #isUp = false
  #intent: StopIntent | undefined

  constructor(parts: ExecutionParts, beginning: Beginning = { kind: 'new' }) {
    this.#parts = parts
    this.#bringing = new BringUp(parts)
    this.#watch = new ResourceWatch(parts.plan.network !== 'none')
    this.started = this.#started.promise
    this.started.catch(() => {}) // whoever started it may have left
    this.settled = this.#settled.promise
    if (beginning.kind !== 'new') parts.uploads.seal()
    this.gone = this.#run(beginning)
  }

  get record(): TrackedRecord {
    return this.#parts.record
  }

  get files(): ExecutionFiles {
    return this.#parts.files
  }

  get uploads(): Uploads {
    return this.#parts.uploads
  }

  /** How far its image has come, while that is fetched. */
  get pullProgress(): PullReport | undefined {
    return this.#parts.on.images.progress(this.#parts.plan.image)
  }

  get profile(): SandboxProfile {
    return this.#parts.plan.profile
  }

  get graceMs(): number {
    return this.#parts.plan.graceMs
  }

  /** Its sandbox, while it runs. @throws not_ready before, already_ended after that */
  get instance(): ExecutionInstance {
    const { status, value } = this.record
    const isUp = this.#isUp && (status === 'running' || status === 'paused')
    const instance = this.#bringing.instance
    if (isUp && instance?.hasExited === false) return instance
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
    const hasEnded = status === 'finalizing' || isTerminal(status) || this.#bringing.instance?.hasExited === true
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
    if (this.#isUp) await this.#bringing.instance?.stop(plan.stopSignal, graceMs)
  }

  async #run(beginning: Beginning): Promise<void> {
    let end = await this.#toItsEnd(beginning)
    while (end !== undefined && this.#mayTryAgain(end.outcome)) end = await this.#tryAgain(end.outcome)
    if (end !== undefined) await this.#settleAtLast(end)
    this.#started.reject(this.#detaching.signal.reason ?? new ErrandError('cancelled', 'it has ended'))
    this.#settled.resolve()
    await this.#tidy(end === undefined)
  }

  /** A journal that cannot take the end now may take it later, and until then the sandbox stays as it is. */
  async #settleAtLast(end: End): Promise<void> {
    const { deps, plan } = this.#parts
    const backoff = new Backoff(1000, 30_000)
    for (;;) {
      try {
        return await this.#settle(end)
      } catch (error) {
        deps.log.error({ err: error, execution: plan.executionId }, 'the end of an execution could not be recorded')
        const isLost = ErrandError.from(error).retryAfterMs === undefined
        if (isLost || this.#detaching.signal.aborted) return // what the journal says last is what will be known
        await sleep(deps.clock, backoff.nextMs(), this.#detaching.signal).catch(() => {})
      }
    }
  }

  async #settle({ outcome, changes }: End): Promise<void> {
    const { record, files } = this
    await files.end()
    if (!canMove(record.status, outcome.status)) await record.move('finalizing')
    const warnings = [...record.value.warnings, ...outcome.warnings]
    await record.move(outcome.status, { ...outcome, ...changes, warnings, logs: files.totals })
  }

  #mayTryAgain(outcome: Outcome): boolean {
    const { plan, record } = this.#parts
    const isWanted = this.#intent === undefined && !this.#detaching.signal.aborted
    return plan.isIdempotent && isWanted && isAccident(outcome) && record.value.attempt < MOST_ATTEMPTS
  }

  /** Recorded before anything else: a later process makes the same attempt. Undefined as in `#toItsEnd`. */
  async #tryAgain({ message }: Outcome): Promise<End | undefined> {
    const { deps, plan } = this.#parts
    const spent = this.#bringing
    this.#bringing = new BringUp(this.#parts)
    this.#isUp = false
    deps.tracker.untrack(plan.executionId)
    try {
      await this.record.tryAgain(message, { logs: this.files.totals })
      this.files.nextAttempt()
      await spent.end(false)
    } catch (error) {
      return { outcome: outcomeOfError(ErrandError.from(error), this.#intent), changes: {} }
    }
    return this.#toItsEnd({ kind: 'new' })
  }

  /** Undefined when this process let go before. */
  async #toItsEnd(beginning: Beginning): Promise<End | undefined> {
    try {
      if (beginning.kind === 'settle') return { outcome: beginning.outcome, changes: {} }
      const view = await this.#bringUp(beginning)
      this.#started.resolve()
      return await this.#supervise(view)
    } catch (error) {
      const failure = ErrandError.from(error)
      // A node that stops has closed the queue: whoever waits in it is for the next process.
      if (this.#detaching.signal.aborted || failure.code === 'draining') return undefined
      this.#started.reject(failure)
      return { outcome: outcomeOfError(failure, this.#intent), changes: {} }
    }
  }

  async #bringUp(beginning: Exclude<Beginning, { kind: 'settle' }>): Promise<SandboxView> {
    const { deps, plan, record } = this.#parts
    const isNew = beginning.kind === 'new'
    if (!isNew) this.#bringing.takeOver(beginning.view)
    const view = isNew ? await this.#bringing.start(this.#leaving.signal) : beginning.view
    this.#isUp = true
    if (view.pid !== undefined) deps.tracker.track(plan.executionId, view.pid)
    if (record.status === 'creating') await this.#nowRunning(view.net)
    const { intent } = record.value
    // An earlier process was about to end it.
    if (!isNew && intent !== undefined) this.#stop(intent.kind, intent.graceMs)
    return view
  }

  async #nowRunning(net: SandboxView['net']): Promise<void> {
    const { deps, on, record } = this.#parts
    const { startedMs: engineStartedMs } = await on.instances.engineRun(this.#detaching.signal)
    const runningMonotonicMs = deps.clock.monotonicMs()
    const run = engineStartedMs === undefined ? {} : { engineStartedMs }
    const host = { bootId: deps.bootId, runningMonotonicMs, ...run }
    await record.move('running', { ports: net?.ports ?? [], host })
  }

  async #supervise(view: SandboxView): Promise<End> {
    const { deps, plan, record } = this.#parts
    const instance = this.#up()
    using _timer = this.#armTimeout(view)
    using _watching = this.#watchResources(instance, diskLimit(plan.diskBytes))
    const end = await abortable(instance.exited, this.#detaching.signal)
    // An exit seen first is its own; a pause under way has to be over before the status moves on.
    const intent = this.#intent
    if (record.status !== 'finalizing') await this.#freezing.run(async () => record.move('finalizing'))
    const finalization = new Finalization(this.#parts, instance, this.#watch)
    const brought = await finalization.bringIn(end, intent, this.#detaching.signal)
    deps.log.debug({ execution: plan.executionId, status: brought.outcome.status }, 'an execution has ended')
    return brought
  }

  #watchResources(instance: ExecutionInstance, limit: DiskUsage): Disposable {
    return this.#parts.disks.add({
      name: instance.name,
      limit,
      cpuMs: undefined,
      diskUsage: (signal) => this.#watch.look(instance, limit, signal),
      onBeyond: async () => this.#stop('disk_limit', 0),
    })
  }

  #armTimeout({ exit }: SandboxView): Disposable | undefined {
    const { deps, plan, record } = this.#parts
    const { timeoutMs = Infinity, graceMs } = plan
    const leftMs = timeLeft({ timeoutMs, record: record.value, clock: deps.clock, exit })
    if (leftMs > 0 && leftMs < Infinity) return deps.clock.setTimer(leftMs, () => this.#stop('run_timeout', graceMs))
    if (leftMs === 0) this.#stop('run_timeout', graceMs)
    return undefined
  }

  #up(): ExecutionInstance {
    const { instance } = this.#bringing
    if (instance === undefined) throw new ErrandError('internal', 'it has no sandbox')
    return instance
  }

  async #tidy(isLeft: boolean): Promise<void> {
    const { deps, plan } = this.#parts
    deps.tracker.untrack(plan.executionId)
    this.uploads.refuse(new ErrandError(isLeft ? 'draining' : 'already_ended', 'it takes no inputs any more'))
    await this.#bringing.end(isLeft)
    await this.#closeUploads(isLeft)
    if (!isLeft) await this.#background.idle()
  }

  async #closeUploads(isLeft: boolean): Promise<void> {
    const { deps, plan } = this.#parts
    try {
      await this.uploads.close(isLeft)
    } catch (error) {
      deps.log.warn({ err: error, execution: plan.executionId }, 'the inputs of an execution could not be removed')
    }
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
