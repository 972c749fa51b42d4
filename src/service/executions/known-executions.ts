import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import type { ExecutionRequest } from '../../core/execution-request.ts'
import type { SandboxView } from '../../engine/engine.ts'
import { DiskWatch } from '../../instance/disk-watch.ts'
import { attemptOf } from '../../instance/identity.ts'
import { abortable } from '../../util/abort.ts'
import type { ExecutionCounts, SubmitOptions, Submitted } from '../executions-api.ts'
import type { ExecutionRecord } from '../executor.ts'
import { assertNoUploads, Beginnings, closed } from './beginnings.ts'
import { EndedExecutions } from './ended-executions.ts'
import type { Execution } from './execution.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import { discardFiles } from './execution-files.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import { ExecutionWebhooks } from './execution-webhooks.ts'
import { giveUp } from './give-up.ts'
import { LiveExecutions } from './live-executions.ts'
import { PastExecution, refuseEnded } from './past-execution.ts'
import { Postponed } from './postponed.ts'
import { takeUp } from './recovery.ts'
import { ResultWaits } from './result-waits.ts'
import { StrayFolders } from './stray-folders.ts'

const NOT_HERE_RETRY_MS = 1000

/** The executions that an executor knows: those that live, in this process, and those that have ended, in the journal. */
export class KnownExecutions {
  readonly #deps: ExecutionDeps
  /** Those that live. */
  readonly current: LiveExecutions = new LiveExecutions()
  readonly resultWaits: ResultWaits = new ResultWaits()
  /** Of those who read results piece by piece, which may take long: an execution goes under them only when it is removed. */
  readonly resultReads: ResultWaits = new ResultWaits()
  readonly #forgetting = new Map<string, Promise<void>>()
  readonly #ended: EndedExecutions
  readonly #webhooks: ExecutionWebhooks
  readonly #disks: DiskWatch
  readonly #beginnings: Beginnings
  readonly #postponed: Postponed

  constructor(deps: ExecutionDeps) {
    this.#deps = deps
    this.#disks = new DiskWatch({ clock: deps.clock, log: deps.log, periodMs: deps.watchPeriodMs })
    this.#postponed = new Postponed({
      ...deps,
      begin: (record) => this.#beginnings.takeUp(record, { kind: 'new' }),
      giveUp: (record, error) => this.#giveUp(record, error),
    })
    this.#webhooks = new ExecutionWebhooks({ deps, amend: (id, webhook) => this.#amend(id, { webhook }) })
    this.#ended = new EndedExecutions(deps, this.#webhooks, async (executionId, signal) => {
      await abortable(this.resultReads.over(executionId), signal)
      await this.forget(executionId)
    })
    const onEnded = (executionId: string, plan: ExecutionPlan): void => this.#ended.keep(executionId, plan, 0)
    this.#beginnings = new Beginnings({
      deps,
      webhooks: this.#webhooks,
      disks: this.#disks,
      current: this.current,
      onEnded,
    })
  }

  async live(executionId: string): Promise<Execution | undefined> {
    return this.current.find(executionId)
  }

  /** Whether it waits to be begun. */
  isPostponed(executionId: string): boolean {
    return this.#postponed.has(executionId)
  }

  /** The same, but for one that waits to be begun: it is waited for. */
  async begun(executionId: string, signal: AbortSignal): Promise<Execution | undefined> {
    return (await this.live(executionId)) ?? (await this.#postponed.begun(executionId, signal))
  }

  /** @throws not_found; already_ended; not_ready for one that does not live; storage_full for one that cannot go on yet */
  async loadLive(executionId: string): Promise<Execution> {
    const live = (await this.live(executionId)) ?? (await this.#postponed.beginNow(executionId))
    if (live !== undefined) return live
    const { record } = await this.past(executionId)
    const { status } = record
    if (isTerminal(status)) return refuseEnded(record)
    const message = `execution ${executionId} is ${status}, but this process does not have it now`
    throw new ErrandError('not_ready', message, { details: { status }, retryAfterMs: NOT_HERE_RETRY_MS })
  }

  counts(): ExecutionCounts {
    const { waiting, ...others } = this.current.counts()
    return { waiting: waiting + this.#postponed.size, ...others }
  }

  /** Resolves when none is left that has not ended, and whose sandbox is not gone. */
  async untilNone(): Promise<void> {
    await this.#postponed.untilNone()
    await this.current.untilNone()
  }

  /** As the journal has it, whether it has ended or not. @throws not_found */
  async past(executionId: string): Promise<PastExecution> {
    const { journal, executorId } = this.#deps
    const record = await journal.find(executorId, executionId)
    if (record !== undefined) return new PastExecution(this.#deps, record)
    throw new ErrandError('not_found', `there is no execution ${JSON.stringify(executionId).slice(0, 80)}`)
  }

  /**
   * Takes a request and sets it going.
   * @throws what `Executor.start` throws before there is a record
   */
  async begin(request: ExecutionRequest, signal: AbortSignal): Promise<Execution> {
    const { begun } = await this.#beginnings.accept(request, { signal }, assertNoUploads)
    if (begun === undefined) throw closed()
    return begun
  }

  /** The same for those who do not wait until it is set going. */
  async submit(request: ExecutionRequest, options: SubmitOptions): Promise<Submitted> {
    const { record, isNew, begun } = await this.#beginnings.accept(request, options)
    await begun
    return { record, isNew }
  }

  /**
   * Takes up what earlier processes left: what runs is watched again, what ended is brought in, what waited is begun.
   * Before anything else is removed from the engines.
   */
  async recover(signal: AbortSignal): Promise<number> {
    const { journal, executorId, engines } = this.#deps
    const strays = await StrayFolders.find({ ...this.#deps, isLive: (executionId) => this.current.has(executionId) })
    const found = new Map<string, ReadonlyMap<string, SandboxView>>()
    for (const [type, { instances }] of engines) found.set(type, await instances.leftExecutions(signal))
    const records = await journal.unsettled(executorId)
    for (const record of records) {
      try {
        await this.#recover(record, found.get(record.request.engineSpec.type)?.get(record.executionId), signal)
      } catch (error) {
        signal.throwIfAborted()
        await giveUp(this.#deps, record, ErrandError.from(error))
      }
    }
    this.#ended.recover((known, closing) => strays.remove(known, closing))
    return records.length
  }

  async #recover(record: ExecutionRecord, view: SandboxView | undefined, signal: AbortSignal): Promise<void> {
    // What is left of an attempt before this one is of no account.
    const isOfThis = view !== undefined && attemptOf(view) === record.attempt
    const beginning = takeUp(record, isOfThis ? view : undefined, this.#deps.bootId)
    // It has never run. Left there it would be found by the new beginning, and removed under it as a leftover.
    if (beginning.kind === 'new' && view !== undefined) {
      await this.#deps.engines.get(record.request.engineSpec.type)?.engine.remove(view, signal)
    }
    try {
      await this.#beginnings.takeUp(record, beginning)
    } catch (error) {
      if (beginning.kind !== 'new' || ErrandError.from(error).code !== 'storage_full') throw error
      this.#postponed.add(record)
    }
  }

  /** As `giveUp` does it, for one of which nobody else will say that it has ended, or that its time is over. */
  async #giveUp(record: ExecutionRecord, error: ErrandError): Promise<void> {
    const { defaults } = this.#deps
    await giveUp({ ...this.#deps, watchers: [this.#webhooks, ...(this.#deps.watchers ?? [])] }, record, error)
    const { retentionMs = record.request.retentionMs ?? defaults.retentionMs } = record.terms ?? {}
    this.#ended.keep(record.executionId, { retentionMs, persistLogsMs: record.request.persistLogsMs }, 0)
  }

  /** Lets go of all that live: what runs goes on. */
  async detach(): Promise<void> {
    this.close()
    await this.#postponed.idle()
    await this.#beginnings.idle()
    await this.current.detach()
    await this.#ended.idle()
    await this.#disks[Symbol.asyncDispose]()
  }

  /** Ends it if it lives, then removes all that there is of it. Idempotent. */
  forget(executionId: string): Promise<void> {
    const forgetting = this.#forgetting.get(executionId) ?? this.#forget(executionId)
    this.#forgetting.set(executionId, forgetting)
    const done = (): void => void this.#forgetting.delete(executionId)
    forgetting.then(done, done)
    return forgetting
  }

  /** Nothing more is begun. */
  close(): void {
    this.#beginnings.close()
    this.#postponed[Symbol.dispose]()
    this.#ended[Symbol.dispose]()
  }

  async idle(): Promise<void> {
    await this.#postponed.idle()
    await this.#beginnings.idle()
    await this.#ended.idle()
    await this.current.idle()
    await this.#disks[Symbol.asyncDispose]()
  }

  /** Of one that has ended: whoever else writes has come to an end before it is not alive any more. */
  async #amend(executionId: string, changes: Pick<ExecutionRecord, 'webhook'>): Promise<void> {
    const live = await this.live(executionId)
    if (live !== undefined) return live.record.amend(changes)
    const { record } = await this.past(executionId)
    await this.#deps.journal.save({ ...record, ...changes })
  }

  #forget(executionId: string): Promise<void> {
    return this.#postponed.drop(executionId, () => this.#remove(executionId))
  }

  async #remove(executionId: string): Promise<void> {
    const { journal, executorId } = this.#deps
    const live = await this.live(executionId)
    if (live !== undefined) {
      await live.cancel(0).catch(() => {}) // it may be ending by itself
      await live.gone
    }
    await this.resultWaits.over(executionId)
    this.#ended.drop(executionId)
    // Files that are not all there cannot be opened any more, and must be removed all the same.
    if (live !== undefined) await live.files.remove()
    else if ((await journal.find(executorId, executionId)) !== undefined) await discardFiles(this.#deps, executionId)
    await journal.remove(executorId, executionId)
  }
}
