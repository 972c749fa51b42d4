import { ErrandError } from '../core/errors.ts'
import { type ExecutionStatus, isTerminal } from '../core/execution.ts'
import type { ExecutionRequest } from '../core/execution-request.ts'
import { Deadline } from '../core/wait.ts'
import type { SandboxStats } from '../engine/engine.ts'
import type { LogEntry } from '../logs/log-entry.ts'
import { abortable } from '../util/abort.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { Cleanup } from './executions/cleanup.ts'
import { execInside } from './executions/exec-inside.ts'
import { Execution } from './executions/execution.ts'
import type { ExecutionDeps, ExecutionEngine } from './executions/execution-deps.ts'
import { ExecutionFiles, placeOf } from './executions/execution-files.ts'
import type { ExecutionPlan } from './executions/execution-plan.ts'
import { Launch } from './executions/launch.ts'
import { newRecord } from './executions/new-record.ts'
import { planExecution } from './executions/plan-execution.ts'
import { Retention } from './executions/retention.ts'
import { TrackedRecord } from './executions/tracked-record.ts'
import type {
  CancelOptions,
  CleanupReport,
  ExecOutcome,
  ExecutionNet,
  ExecutionRecord,
  ExecutionResult,
  ExecutionSummary,
  Executor,
  LogRequest,
  RunOptions,
} from './executor.ts'

const NEVER = new AbortController().signal
const REMOVE_TIMEOUT_MS = 60_000
const PAGE = 1000

/** The one implementation of the interface. The journal is its map of ids; what lives is beside it. */
export class ExecutionService implements Executor {
  readonly #deps: ExecutionDeps
  /** Until they are forgotten. */
  readonly #known = new Map<string, Execution>()
  readonly #background = new BackgroundWork()
  readonly #retention: Retention
  #isClosed = false

  constructor(deps: ExecutionDeps) {
    this.#deps = deps
    this.#retention = new Retention(deps.clock)
  }

  getId(): string {
    return this.#deps.executorId
  }

  async start(request: ExecutionRequest, signal: AbortSignal = NEVER): Promise<void> {
    const execution = await this.#begin(request, signal)
    await abortable(execution.started, signal)
  }

  async run(request: ExecutionRequest, options: RunOptions = {}): Promise<ExecutionResult> {
    const { signal = NEVER, cancelOnAbort = false } = options
    const execution = await this.#begin(request, signal)
    const { executionId } = execution.record.value
    try {
      return await this.wait(executionId, signal)
    } catch (error) {
      // It may have ended meanwhile: then there is nothing to cancel.
      if (signal.aborted && cancelOnAbort) this.#background.add(execution.cancel(0).catch(() => {}))
      throw error
    }
  }

  async wait(executionId: string, signal: AbortSignal = NEVER): Promise<ExecutionResult> {
    const execution = this.#load(executionId)
    await abortable(execution.settled, signal)
    const record = execution.record.value
    const { status } = record
    if (!isTerminal(status)) throw new ErrandError('internal', `the end of ${executionId} could not be recorded`)
    const [stdout, stderr] = await Promise.all([execution.files.text('stdout'), execution.files.text('stderr')])
    return { ...record, status, stdout, stderr }
  }

  async cancel(executionId: string, { graceMs, signal = NEVER }: CancelOptions = {}): Promise<void> {
    const execution = this.#load(executionId)
    if (graceMs !== undefined && !(graceMs >= 0))
      throw new ErrandError('validation_failed', 'graceMs: must be 0 or more')
    await abortable(execution.cancel(graceMs ?? execution.graceMs), signal)
  }

  async *getLogStream({ executionId, signal = NEVER, ...range }: LogRequest): AsyncGenerator<LogEntry> {
    yield* this.#load(executionId).files.read(range, signal)
  }

  async list(): Promise<ExecutionSummary[]> {
    const { journal, executorId } = this.#deps
    const summaries: ExecutionSummary[] = []
    let cursor: string | undefined
    do {
      const page = await journal.page(executorId, { limit: PAGE, ...(cursor !== undefined && { cursor }) })
      summaries.push(...page.records.map(summarize))
      cursor = page.cursor
    } while (cursor !== undefined)
    return summaries.reverse()
  }

  async getStatus(executionId: string): Promise<ExecutionStatus> {
    return this.#load(executionId).record.status
  }

  async waitForStatus(
    executionId: string,
    status: ExecutionStatus,
    timeoutMs: number,
    signal: AbortSignal = NEVER,
  ): Promise<void> {
    const execution = this.#load(executionId)
    const tooLate = (): ErrandError =>
      new ErrandError('deadline_exceeded', `execution ${executionId} was not ${status} within ${timeoutMs} ms`)
    using deadline = new Deadline(this.#deps.clock, timeoutMs, tooLate, signal)
    await execution.record.reached(status, deadline.signal)
  }

  async pause(executionId: string, signal: AbortSignal = NEVER): Promise<void> {
    await this.#load(executionId).pause(signal)
  }

  async resume(executionId: string, signal: AbortSignal = NEVER): Promise<void> {
    await this.#load(executionId).resume(signal)
  }

  async exec(executionId: string, argv: readonly string[], signal: AbortSignal = NEVER): Promise<ExecOutcome> {
    return await execInside(this.#load(executionId), argv, signal)
  }

  async stats(executionId: string, signal: AbortSignal = NEVER): Promise<SandboxStats> {
    const execution = this.#load(executionId)
    return (await execution.instance.stats(signal)) ?? execution.refuseEnded()
  }

  async getInfo(executionId: string): Promise<ExecutionRecord> {
    return this.#load(executionId).record.value
  }

  async getNetInfo(executionId: string, signal: AbortSignal = NEVER): Promise<ExecutionNet> {
    const execution = this.#load(executionId)
    const view = await execution.instance.inspect(signal)
    if (view === undefined || view.state === 'exited') return execution.refuseEnded()
    if (view.net === undefined) throw new ErrandError('network_unavailable', `execution ${executionId} has no network`)
    return view.net
  }

  async remove(executionId: string, timeoutMs: number = REMOVE_TIMEOUT_MS, signal: AbortSignal = NEVER): Promise<void> {
    const execution = this.#load(executionId)
    const tooLate = (): ErrandError =>
      new ErrandError('deadline_exceeded', `execution ${executionId} was not removed within ${timeoutMs} ms`)
    using deadline = new Deadline(this.#deps.clock, timeoutMs, tooLate, signal)
    const forgotten = this.#forget(execution)
    this.#background.add(forgotten)
    await abortable(forgotten, deadline.signal)
  }

  async cleanup(signal: AbortSignal = NEVER): Promise<CleanupReport> {
    const executions = [...this.#known.values()]
    return await new Cleanup(this.#deps, (execution) => this.#forget(execution)).run(executions, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#known.values()].map((execution) => this.#forget(execution)))
    await this.#background.idle()
    this.#retention[Symbol.dispose]()
    await this.#deps.held?.[Symbol.asyncDispose]()
  }

  async #begin(request: ExecutionRequest, signal: AbortSignal): Promise<Execution> {
    signal.throwIfAborted()
    const deps = this.#deps
    if (this.#isClosed) throw new ErrandError('draining', 'the executor is closed')
    const plan = planExecution(request, deps.defaults, deps.newId)
    const on = this.#engineOf(plan)
    const launch = new Launch(deps, plan, on)
    await launch.assertPossible()
    const record = newRecord(deps, plan, placeOf(deps, plan).resultsDir, on.engine.name)
    await deps.journal.insert(record)
    const files = await this.#makeFiles(plan)
    const tracked = new TrackedRecord(deps.journal, deps.clock, record)
    const execution = new Execution({ deps, plan, on, launch, record: tracked, files })
    this.#known.set(plan.executionId, execution)
    this.#background.add(this.#retain(execution, plan))
    return execution
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

  async #retain(execution: Execution, plan: ExecutionPlan): Promise<void> {
    await execution.settled
    const { executionId, retentionMs, persistLogsMs } = plan
    this.#retention.after(executionId, retentionMs, () => this.#background.add(this.#forget(execution)))
    if (persistLogsMs === undefined || persistLogsMs >= retentionMs) return
    this.#retention.after(executionId, persistLogsMs, () => this.#background.add(execution.files.removeTexts()))
  }

  async #forget(execution: Execution): Promise<void> {
    const { executionId, executorId } = execution.record.value
    await execution.cancel(0).catch(() => {}) // it may be ending by itself
    await execution.gone
    this.#retention.drop(executionId)
    await execution.files.remove()
    await this.#deps.journal.remove(executorId, executionId)
    this.#known.delete(executionId)
  }

  #engineOf({ engineType }: ExecutionPlan): ExecutionEngine {
    const found = this.#deps.engines.get(engineType)
    if (found !== undefined) return found
    throw new ErrandError('runtime_unavailable', `no engine of type ${JSON.stringify(engineType)} is registered`, {
      details: { type: engineType, available: [...this.#deps.engines.keys()] },
    })
  }

  #load(executionId: string): Execution {
    const execution = this.#known.get(executionId)
    if (execution !== undefined) return execution
    throw new ErrandError('not_found', `there is no execution ${JSON.stringify(executionId).slice(0, 80)}`)
  }
}

function summarize({ executionId, jobId, status, times }: ExecutionRecord): ExecutionSummary {
  return { executionId, jobId, status, acceptedMs: times.acceptedMs }
}
