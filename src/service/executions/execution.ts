import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import type { SandboxProfile } from '../../engine/engine.ts'
import type { PullReport } from '../../images/pull-watch.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import type { StopIntent } from '../executor.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import type { ExecutionFiles } from './execution-files.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { Freezing } from './freezing.ts'
import { type End, settleAtLast } from './last-word.ts'
import { Leaving } from './leaving.ts'
import { isAccident, MOST_ATTEMPTS, type Outcome, outcomeOfError } from './outcome.ts'
import { refuseEnded } from './past-execution.ts'
import type { Beginning } from './recovery.ts'
import { StopOrder } from './stop-order.ts'
import type { TrackedRecord } from './tracked-record.ts'
import type { Uploads } from './uploads.ts'

/** One execution on its way from its record to its last word. */
export class Execution {
  /** Resolves when it runs, or has run; rejects with what kept it from running. */
  readonly started: Promise<void>
  /** Resolves at its last word, or when this process lets go of it. Never rejects. */
  readonly settled: Promise<void>
  /** Resolves when, after that, nothing of it is left on the engine, or that is left to the next process. Never rejects. */
  readonly gone: Promise<void>
  readonly #parts: ExecutionParts
  readonly #background = new BackgroundWork()
  readonly #started = Promise.withResolvers<void>()
  readonly #settled = Promise.withResolvers<void>()
  readonly #freezing: Freezing
  readonly #order: StopOrder
  readonly #leaving: Leaving
  #attempt: Attempt

  constructor(parts: ExecutionParts, beginning: Beginning = { kind: 'new' }) {
    this.#parts = parts
    this.#freezing = new Freezing(parts.record, () => this.instance)
    this.#order = new StopOrder(parts)
    this.#leaving = new Leaving(parts.deps.clock)
    this.#attempt = this.#newAttempt()
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
    const { phase } = this.#attempt
    const isRunning = status === 'running' || status === 'paused'
    if (isRunning && phase.kind === 'up' && !phase.instance.hasExited) return phase.instance
    if ((isRunning && phase.kind !== 'coming') || status === 'finalizing' || isTerminal(status)) this.refuseEnded()
    throw new ErrandError('not_ready', `execution ${value.executionId} does not run yet: it is ${status}`)
  }

  /** @throws already_ended */
  refuseEnded(): never {
    return refuseEnded(this.record.value)
  }

  /**
   * Tells it to end. Resolves when that, or its end, will not be forgotten: from then on the next process does it if this
   * one does not live to.
   * @throws already_ended when it ends by itself already; draining when this process lets go before; storage_error
   */
  async cancel(graceMs: number): Promise<void> {
    const { status } = this.record
    if (this.#attempt.hasExited || status === 'finalizing' || isTerminal(status)) this.refuseEnded()
    this.#stop('cancel', graceMs)
    try {
      await this.#order.recorded
    } catch (error) {
      await this.settled
      if (!isTerminal(this.record.status)) throw this.#leaving.detaching.reason ?? error
    }
  }

  /** @throws not_ready, already_ended, unsupported */
  async pause(signal: AbortSignal): Promise<void> {
    await this.#freezing.pause(signal)
  }

  /** @throws not_ready, already_ended, unsupported */
  async resume(signal: AbortSignal): Promise<void> {
    await this.#freezing.resume(signal)
  }

  /**
   * Lets go: what runs goes on, what waits will be begun again by the next process. What the engine was asked for is brought
   * to its end, if that does not take long. Resolves with `gone`.
   */
  detach(): Promise<void> {
    this.#leaving.detach()
    return this.gone
  }

  #newAttempt(): Attempt {
    const order = this.#order
    const owner: AttemptOwner = {
      signals: this.#leaving.signals,
      freezing: this.#freezing,
      get intent() {
        return order.intent
      },
      stop: (intent, graceMs) => this.#stop(intent, graceMs),
    }
    return new Attempt(this.#parts, owner)
  }

  /** The first intent counts; a later one can only make it quicker. */
  #stop(intent: StopIntent, graceMs: number): void {
    const { phase, mayRun } = this.#attempt
    if (phase.kind === 'coming') this.#leaving.giveUp(mayRun, graceMs)
    this.#background.add(this.#carryOut(intent, graceMs))
  }

  async #carryOut(intent: StopIntent, graceMs: number): Promise<void> {
    const given = this.#order.give(intent, graceMs).then(
      () => true,
      () => false, // the journal has failed, or this process lets go: the next one knows nothing of it
    )
    if (!(await given)) return
    const { phase } = this.#attempt
    if (phase.kind === 'up') await phase.instance.stop(this.#parts.plan.stopSignal, graceMs)
  }

  async #run(beginning: Beginning): Promise<void> {
    let end = await this.#toItsEnd(beginning)
    while (end !== undefined && this.#mayTryAgain(end.outcome)) end = await this.#tryAgain(end.outcome)
    const isSettled = end !== undefined && (await settleAtLast(this.#parts, end, this.#leaving.detaching))
    this.#started.reject(this.#leaving.detaching.reason ?? new ErrandError('cancelled', 'it has ended'))
    this.#settled.resolve()
    await this.#tidy(!isSettled)
    this.#leaving[Symbol.dispose]()
  }

  #mayTryAgain(outcome: Outcome): boolean {
    const { plan, record } = this.#parts
    const isWanted = this.#order.intent === undefined
    return plan.isIdempotent && isWanted && isAccident(outcome) && record.value.attempt < MOST_ATTEMPTS
  }

  /** Recorded before anything else: a later process makes the same attempt. Undefined as in `#toItsEnd`. */
  async #tryAgain({ message }: Outcome): Promise<End | undefined> {
    const spent = this.#attempt
    this.#attempt = this.#newAttempt()
    try {
      await this.record.tryAgain(message, { logs: this.files.totals })
      this.files.nextAttempt()
      await spent.end(false, this.#leaving.overdue)
    } catch (error) {
      if (this.record.status !== 'queued') this.#attempt = spent
      return this.#failed(ErrandError.from(error))
    }
    return this.#toItsEnd({ kind: 'new' })
  }

  /** Undefined when this process let go before. */
  async #toItsEnd(beginning: Beginning): Promise<End | undefined> {
    try {
      if (beginning.kind === 'settle') return { outcome: beginning.outcome, changes: {} }
      const view = await this.#attempt.begin(beginning)
      this.#started.resolve()
      this.#goOnEnding()
      return await this.#attempt.supervise(view)
    } catch (error) {
      return this.#failed(ErrandError.from(error))
    }
  }

  #failed(failure: ErrandError): End | undefined {
    // Cancelled before it ran: that can be said at once.
    const isCancelled = failure.code === 'cancelled' && this.#order.intent !== undefined
    // A node that stops has closed the queue: whoever waits in it is for the next process.
    if (failure.code === 'draining' || (this.#leaving.detaching.aborted && !isCancelled)) return undefined
    this.#started.reject(failure)
    return { outcome: outcomeOfError(failure, this.#order.intent), changes: {} }
  }

  /** It was told to end before it ran, or by an earlier process. */
  #goOnEnding(): void {
    const { intent, graceMs } = this.#order
    if (intent !== undefined) this.#stop(intent, graceMs)
  }

  async #tidy(isLeft: boolean): Promise<void> {
    this.uploads.refuse(new ErrandError(isLeft ? 'draining' : 'already_ended', 'it takes no inputs any more'))
    await this.#attempt.end(isLeft, this.#leaving.overdue)
    await this.#closeUploads(isLeft)
    if (!isLeft) await abortable(this.#background.idle(), this.#leaving.overdue).catch(() => {})
  }

  async #closeUploads(isLeft: boolean): Promise<void> {
    const { deps, plan } = this.#parts
    try {
      await this.uploads.close(isLeft)
    } catch (error) {
      deps.log.warn({ err: error, execution: plan.executionId }, 'the inputs of an execution could not be removed')
    }
  }
}
