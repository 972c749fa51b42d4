import type { Caller } from '../../core/caller.ts'
import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import type { ExecutionRequest } from '../../core/execution-request.ts'
import { sleep } from '../../core/wait.ts'
import type { DiskWatch } from '../../instance/disk-watch.ts'
import type { IdempotencyKey } from '../../journal/journal.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { Backoff } from '../../util/backoff.ts'
import type { SubmitOptions } from '../executions-api.ts'
import type { ExecutionRecord } from '../executor.ts'
import { Execution } from './execution.ts'
import type { ExecutionDeps, ExecutionEngine } from './execution-deps.ts'
import { ExecutionFiles } from './execution-files.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { GIVEN, placeOf } from './execution-place.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import type { ExecutionWatcher } from './execution-watcher.ts'
import type { ExecutionWebhooks } from './execution-webhooks.ts'
import { settleUnfit } from './give-up.ts'
import { Launch } from './launch.ts'
import type { LiveExecutions } from './live-executions.ts'
import { newRecord } from './new-record.ts'
import { LOCAL_CALLER, planExecution } from './plan-execution.ts'
import { QueuePlaces } from './queue-places.ts'
import type { Beginning } from './recovery.ts'
import { planAgain } from './terms.ts'
import { TrackedRecord } from './tracked-record.ts'
import { UploadStore } from './upload-store.ts'
import { UPLOADS, Uploads } from './uploads.ts'

interface BeginningsDeps {
  readonly deps: ExecutionDeps
  readonly webhooks: ExecutionWebhooks
  readonly disks: DiskWatch
  readonly current: LiveExecutions
  /** Told of each that has ended in this process, when nothing of it is left on the engine. */
  readonly onEnded: (executionId: string, plan: ExecutionPlan) => void
}

interface Accepted {
  readonly record: ExecutionRecord
  readonly isNew: boolean
  /** Undefined for one that this process does not begin. */
  readonly begun: Promise<Execution> | undefined
}

/** Begins executions: from a request, or from what an earlier process left. */
export class Beginnings {
  readonly #deps: ExecutionDeps
  readonly #parts: BeginningsDeps
  readonly #uploads: UploadStore
  readonly #places: QueuePlaces
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()

  constructor(parts: BeginningsDeps) {
    const { deps } = parts
    this.#deps = deps
    this.#parts = parts
    this.#uploads = new UploadStore(deps)
    this.#places = new QueuePlaces(deps.admission, deps.defaults)
  }

  /** Nothing more is begun. */
  close(): void {
    this.#closing.abort(closed())
  }

  async idle(): Promise<void> {
    await this.#background.idle()
  }

  /** Takes a request: what it resolves with is in the journal, and stays there. @throws as `Executor.start` */
  async accept(
    asked: ExecutionRequest,
    options: SubmitOptions,
    check: (plan: ExecutionPlan) => void = () => {},
  ): Promise<Accepted> {
    const { caller, key } = options
    for (;;) {
      options.signal?.throwIfAborted()
      // What was taken is told whatever is the matter now: it is no new work.
      const taken = key && (await this.#takenBefore(asked, caller, key))
      const known = taken === undefined ? await this.#take(asked, options, check) : { record: taken, isNew: false }
      if (known.isNew) return { begun: undefined, ...known }
      // Whoever was first may be refused yet, and then there is none: this one is the first now.
      if (await this.#stays(known.record.executionId)) return { ...known, begun: undefined }
    }
  }

  async #stays(executionId: string): Promise<boolean> {
    const { journal, executorId } = this.#deps
    if ((await this.#parts.current.find(executionId)) !== undefined) return true
    return (await journal.find(executorId, executionId)) !== undefined
  }

  async #take(
    asked: ExecutionRequest,
    { caller, key, traceparent }: SubmitOptions,
    check: (plan: ExecutionPlan) => void,
  ): Promise<Omit<Accepted, 'begun'> & Partial<Pick<Accepted, 'begun'>>> {
    const { defaults, newId, journal } = this.#deps
    if (this.#isClosed) throw closed()
    await this.#deps.assertOpen?.()
    const plan = planExecution(caller === undefined ? asked : { ...asked, callerId: caller.id }, defaults, newId)
    check(plan)
    this.#parts.webhooks.assertAllowed(plan.request)
    const on = this.#engineOf(plan)
    const launch = new Launch(this.#deps, plan, on)
    await launch.assertPossible()
    using undo = new DisposableStack()
    const place = undo.use(this.#places.take(plan.callerId))
    const made = newRecord(this.#deps, plan, placeOf(this.#deps, plan).resultsDir, on.engine.name)
    const record = traceparent === undefined ? made : { ...made, traceparent }
    const known = await journal.insert(record, key)
    if (known !== undefined) return { record: known, isNew: false }
    // Closed meanwhile: it is in the journal, and the next process begins it.
    if (this.#isClosed) return { record, isNew: true }
    undo.move()
    const begun = this.#setGoing(plan, on, launch, record, place)
    this.#parts.current.expect(plan.executionId, begun)
    return { record, isNew: true, begun }
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
   * Goes on with what an earlier process left.
   * @throws validation_failed, runtime_unavailable; storage_full, storage_error for one that is begun
   */
  async takeUp(record: ExecutionRecord, beginning: Beginning): Promise<Execution> {
    const { defaults, newId } = this.#deps
    const plan = planAgain(record, defaults, newId)
    const on = this.#engineOf(plan)
    const files =
      beginning.kind === 'new'
        ? await ExecutionFiles.begin(this.#deps, record, plan, [UPLOADS])
        : await ExecutionFiles.adopt(this.#deps, record, plan, [UPLOADS, ...GIVEN])
    using undo = new DisposableStack()
    const place = undo.use(this.#places.keep(record.callerId))
    const parts = { plan, on, launch: new Launch(this.#deps, plan, on), files, place }
    const execution = await this.#add(parts, record, beginning)
    undo.move()
    return execution
  }

  get #watchers(): readonly ExecutionWatcher[] {
    return [this.#parts.webhooks, ...(this.#deps.watchers ?? [])]
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  async #setGoing(
    plan: ExecutionPlan,
    on: ExecutionEngine,
    launch: Launch,
    value: ExecutionRecord,
    place: Disposable,
  ): Promise<Execution> {
    try {
      const files = await ExecutionFiles.make(this.#deps, plan)
      return await this.#add({ plan, on, launch, files, place }, value)
    } catch (error) {
      place[Symbol.dispose]()
      await this.#withdraw(plan, value, ErrandError.from(error))
      throw error
    }
  }

  async #add(
    given: Pick<ExecutionParts, 'plan' | 'on' | 'launch' | 'files' | 'place'>,
    value: ExecutionRecord,
    beginning?: Beginning,
  ): Promise<Execution> {
    const { plan, files } = given
    const { disks, current, onEnded } = this.#parts
    const { journal, clock } = this.#deps
    const watchers = this.#watchers
    const record = new TrackedRecord(journal, clock, value, watchers)
    const isBegun = beginning === undefined || beginning.kind === 'new'
    const uploads = await Uploads.open(this.#uploads, plan, record, files.folder).catch(async (error: unknown) => {
      // What has them mounted needs no more of them; their folder goes with the others.
      if (!isBegun) return Uploads.without(this.#uploads, plan, record, files.folder)
      await files.close()
      throw error
    })
    for (const watcher of watchers) watcher.began?.(value)
    const execution = new Execution({ ...given, deps: this.#deps, disks, record, uploads }, beginning)
    current.add(plan.executionId, execution, () => {
      // One whose end the journal could not keep has none: the next process takes it up.
      if (!this.#isClosed && isTerminal(record.status)) onEnded(plan.executionId, plan)
    })
    return execution
  }

  /** Its caller is refused: an id without files would be one that nobody can use again, and it must never run. */
  async #withdraw(plan: ExecutionPlan, record: ExecutionRecord, refusal: ErrandError): Promise<void> {
    const { journal, executorId, log } = this.#deps
    try {
      await journal.remove(executorId, plan.executionId)
    } catch (error) {
      log.error({ err: error, execution: plan.executionId }, 'an execution that was refused could not be forgotten')
      this.#background.add(this.#fail(plan, record, refusal))
    }
  }

  /** As soon as the journal can take it: somebody else may have been told of that id meanwhile. */
  async #fail(plan: ExecutionPlan, record: ExecutionRecord, refusal: ErrandError): Promise<void> {
    const backoff = new Backoff(100, 30_000)
    while (!this.#isClosed) {
      try {
        await settleUnfit({ ...this.#deps, watchers: this.#watchers }, record, refusal)
        return this.#parts.onEnded(plan.executionId, plan)
      } catch (error) {
        this.#deps.log.error({ err: error, execution: plan.executionId }, 'its refusal could not be recorded')
        await sleep(this.#deps.clock, backoff.nextMs(), this.#closing.signal).catch(() => {})
      }
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

export function closed(): ErrandError {
  return new ErrandError('draining', 'the executor is closed')
}

/** Who begins one by itself waits for it to run, and has no way to send anything meanwhile. */
export function assertNoUploads({ inputs }: ExecutionPlan): void {
  if (inputs.every(({ type }) => type !== 'upload')) return
  throw new ErrandError('unsupported', 'inputs: uploads are for those who submit to a node')
}
