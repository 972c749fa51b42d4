import type { Caller } from '../../core/caller.ts'
import { ErrandError } from '../../core/errors.ts'
import type { ExecutionRequest } from '../../core/execution-request.ts'
import type { SandboxView } from '../../engine/engine.ts'
import { DiskWatch } from '../../instance/disk-watch.ts'
import { attemptOf } from '../../instance/identity.ts'
import type { IdempotencyKey } from '../../journal/journal.ts'
import type { SubmitOptions, Submitted } from '../executions-api.ts'
import type { ExecutionRecord } from '../executor.ts'
import { EndedExecutions } from './ended-executions.ts'
import { Execution } from './execution.ts'
import type { ExecutionDeps, ExecutionEngine } from './execution-deps.ts'
import { ExecutionFiles, placeOf } from './execution-files.ts'
import type { ExecutionParts } from './execution-parts.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import { ExecutionWebhooks } from './execution-webhooks.ts'
import { giveUp } from './give-up.ts'
import { Launch } from './launch.ts'
import { LiveExecutions } from './live-executions.ts'
import { newRecord } from './new-record.ts'
import { PastExecution, refuseEnded } from './past-execution.ts'
import { LOCAL_CALLER, planExecution } from './plan-execution.ts'
import { Postponed } from './postponed.ts'
import { QueuePlaces } from './queue-places.ts'
import { type Beginning, takeUp } from './recovery.ts'
import { ResultWaits } from './result-waits.ts'
import { planAgain } from './terms.ts'
import { TrackedRecord } from './tracked-record.ts'
import { UploadStore } from './upload-store.ts'
import { UPLOADS, Uploads } from './uploads.ts'

interface Accepted {
  readonly record: ExecutionRecord
  readonly isNew: boolean
  /** Undefined for one that this process does not begin. */
  readonly begun: Promise<Execution> | undefined
}

/** The executions that an executor knows: those that live, in this process, and those that have ended, in the journal. */
export class KnownExecutions {
  readonly #deps: ExecutionDeps
  /** Those that live. */
  readonly current: LiveExecutions = new LiveExecutions()
  readonly resultWaits: ResultWaits = new ResultWaits()
  readonly #forgetting = new Map<string, Promise<void>>()
  readonly #ended: EndedExecutions
  readonly #webhooks: ExecutionWebhooks
  readonly #uploads: UploadStore
  readonly #places: QueuePlaces
  readonly #disks: DiskWatch
  readonly #postponed: Postponed
  #isClosed = false

  constructor(deps: ExecutionDeps) {
    this.#deps = deps
    this.#uploads = new UploadStore(deps)
    this.#places = new QueuePlaces(deps.admission, deps.defaults)
    this.#disks = new DiskWatch({ clock: deps.clock, log: deps.log, periodMs: deps.watchPeriodMs })
    this.#postponed = new Postponed({
      ...deps,
      begin: (record) => this.#takeUp(record, { kind: 'new' }),
      giveUp: (record, error) => giveUp(deps, record, error),
    })
    this.#webhooks = new ExecutionWebhooks({ deps, amend: (id, webhook) => this.#amend(id, { webhook }) })
    this.#ended = new EndedExecutions(deps, this.#webhooks, (executionId) => this.forget(executionId))
  }

  async live(executionId: string): Promise<Execution | undefined> {
    return this.current.find(executionId)
  }

  /** The same, but for one that waits to be begun: it is waited for. */
  async begun(executionId: string, signal: AbortSignal): Promise<Execution | undefined> {
    return (await this.live(executionId)) ?? (await this.#postponed.begun(executionId, signal))
  }

  /** @throws not_found; already_ended; storage_full for one that cannot go on yet */
  async loadLive(executionId: string): Promise<Execution> {
    const live = (await this.live(executionId)) ?? (await this.#postponed.beginNow(executionId))
    return live ?? refuseEnded((await this.past(executionId)).record)
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
    const { begun } = await this.#accept(request, { signal }, assertNoUploads)
    if (begun === undefined) throw closed()
    return begun
  }

  /** The same for those who do not wait until it is set going. */
  async submit(request: ExecutionRequest, options: SubmitOptions): Promise<Submitted> {
    const { record, isNew, begun } = await this.#accept(request, options)
    await begun
    return { record, isNew }
  }

  async #accept(
    asked: ExecutionRequest,
    { caller, key, signal, traceparent }: SubmitOptions,
    check: (plan: ExecutionPlan) => void = () => {},
  ): Promise<Accepted> {
    signal?.throwIfAborted()
    const { defaults, newId, journal } = this.#deps
    // What was taken is told whatever is the matter now: it is no new work.
    const taken = key && (await this.#takenBefore(asked, caller, key))
    if (taken !== undefined) return { record: taken, isNew: false, begun: undefined }
    if (this.#isClosed) throw closed()
    await this.#deps.assertOpen?.()
    const plan = planExecution(caller === undefined ? asked : { ...asked, callerId: caller.id }, defaults, newId)
    check(plan)
    this.#webhooks.assertAllowed(plan.request)
    const on = this.#engineOf(plan)
    const launch = new Launch(this.#deps, plan, on)
    await launch.assertPossible()
    using undo = new DisposableStack()
    const place = undo.use(this.#places.take(plan.callerId))
    const made = newRecord(this.#deps, plan, placeOf(this.#deps, plan).resultsDir, on.engine.name)
    const record = traceparent === undefined ? made : { ...made, traceparent }
    const known = await journal.insert(record, key)
    if (known !== undefined) return { record: known, isNew: false, begun: undefined }
    // Closed meanwhile: it is in the journal, and the next process begins it.
    if (this.#isClosed) return { record, isNew: true, begun: undefined }
    undo.move()
    const going = this.#setGoing(plan, on, launch, record, place)
    this.current.expect(plan.executionId, going)
    return { record, isNew: true, begun: going }
  }

  #takenBefore(
    { callerId }: ExecutionRequest,
    caller: Caller | undefined,
    key: IdempotencyKey,
  ): Promise<ExecutionRecord | undefined> {
    const { journal, executorId } = this.#deps
    return journal.findByKey(executorId, caller?.id ?? callerId ?? LOCAL_CALLER, key)
  }

  /**
   * Takes up what earlier processes left: what runs is watched again, what ended is brought in, what waited is begun.
   * Before anything else is removed from the engines.
   */
  async recover(signal: AbortSignal): Promise<number> {
    const { journal, executorId, engines } = this.#deps
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
    this.#ended.recover()
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
      await this.#takeUp(record, beginning)
    } catch (error) {
      if (beginning.kind !== 'new' || ErrandError.from(error).code !== 'storage_full') throw error
      this.#postponed.add(record)
    }
  }

  /** Lets go of all that live: what runs goes on. */
  async detach(): Promise<void> {
    this.close()
    await this.#postponed.idle()
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
    this.#isClosed = true
    this.#postponed[Symbol.dispose]()
    this.#ended[Symbol.dispose]()
  }

  async idle(): Promise<void> {
    await this.#ended.idle()
    await this.current.idle()
    await this.#disks[Symbol.asyncDispose]()
  }

  async #setGoing(
    plan: ExecutionPlan,
    on: ExecutionEngine,
    launch: Launch,
    value: ExecutionRecord,
    place: Disposable,
  ): Promise<Execution> {
    try {
      const files = await this.#makeFiles(plan)
      return await this.#add({ plan, on, launch, files, place }, value)
    } catch (error) {
      place[Symbol.dispose]()
      throw error
    }
  }

  async #add(
    given: Pick<ExecutionParts, 'plan' | 'on' | 'launch' | 'files' | 'place'>,
    value: ExecutionRecord,
    beginning?: Beginning,
  ): Promise<Execution> {
    const { plan, files } = given
    const { journal, clock } = this.#deps
    const watchers = [this.#webhooks, ...(this.#deps.watchers ?? [])]
    const record = new TrackedRecord(journal, clock, value, watchers)
    const uploads = await Uploads.open(this.#uploads, plan, record, files.folder).catch(async (error: unknown) => {
      await files.close()
      throw error
    })
    for (const watcher of watchers) watcher.began(value)
    const parts = { ...given, deps: this.#deps, disks: this.#disks, record, uploads }
    const execution = new Execution(parts, beginning)
    this.current.add(plan.executionId, execution, () => {
      if (!this.#isClosed) this.#ended.keep(plan.executionId, plan, 0)
    })
    return execution
  }

  async #takeUp(record: ExecutionRecord, beginning: Beginning): Promise<Execution> {
    const { defaults, newId } = this.#deps
    const plan = planAgain(record, defaults, newId)
    const on = this.#engineOf(plan)
    const files =
      beginning.kind === 'new'
        ? await ExecutionFiles.begin(this.#deps, record, plan, [UPLOADS])
        : await ExecutionFiles.takeOver(this.#deps, record, plan, [UPLOADS])
    using undo = new DisposableStack()
    const place = undo.use(this.#places.keep(record.callerId))
    const parts = { plan, on, launch: new Launch(this.#deps, plan, on), files, place }
    const execution = await this.#add(parts, record, beginning)
    undo.move()
    return execution
  }

  /** Of one that has ended: whoever else writes has come to an end before it is not alive any more. */
  async #amend(executionId: string, changes: Pick<ExecutionRecord, 'webhook'>): Promise<void> {
    const live = await this.live(executionId)
    if (live !== undefined) return live.record.amend(changes)
    const { record } = await this.past(executionId)
    await this.#deps.journal.save({ ...record, ...changes })
  }

  async #forget(executionId: string): Promise<void> {
    const { journal, executorId } = this.#deps
    await this.#postponed.drop(executionId)
    const live = await this.live(executionId)
    if (live !== undefined) {
      await live.cancel(0).catch(() => {}) // it may be ending by itself
      await live.gone
    }
    await this.resultWaits.over(executionId)
    this.#ended.drop(executionId)
    const record = live?.record.value ?? (await journal.find(executorId, executionId))
    if (record !== undefined) await (live?.files ?? (await new PastExecution(this.#deps, record).files)).remove()
    await journal.remove(executorId, executionId)
  }

  /** An id without its files would be one that nobody can use again. */
  async #makeFiles(plan: ExecutionPlan): Promise<ExecutionFiles> {
    const { journal, executorId } = this.#deps
    try {
      return await ExecutionFiles.make(this.#deps, plan)
    } catch (error) {
      await journal.remove(executorId, plan.executionId)
      throw error
    }
  }

  #engineOf({ engineType }: ExecutionPlan): ExecutionEngine {
    const found = this.#deps.engines.get(engineType)
    if (found !== undefined) return found
    throw new ErrandError('runtime_unavailable', `no engine of type ${JSON.stringify(engineType)} is registered`, {
      details: { type: engineType, available: [...this.#deps.engines.keys()] },
    })
  }
}

function closed(): ErrandError {
  return new ErrandError('draining', 'the executor is closed')
}

/** Who begins one by itself waits for it to run, and has no way to send anything meanwhile. */
function assertNoUploads({ inputs }: ExecutionPlan): void {
  if (inputs.every(({ type }) => type !== 'upload')) return
  throw new ErrandError('unsupported', 'inputs: uploads are for those who submit to a node')
}
