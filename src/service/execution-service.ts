import { ErrandError } from '../core/errors.ts'
import type { ExecutionStatus } from '../core/execution.ts'
import type { ExecutionRequest } from '../core/execution-request.ts'
import { Deadline } from '../core/wait.ts'
import type { SandboxStats } from '../engine/engine.ts'
import type { JournalEvent, Page, PageQuery } from '../journal/journal.ts'
import type { LogEntry } from '../logs/log-entry.ts'
import { abortable } from '../util/abort.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { Cleanup } from './executions/cleanup.ts'
import {
  ANSWER_LIMIT,
  commandInside,
  type InsideCommand,
  type InsideOutcome,
  OWN_LIMIT,
} from './executions/command-inside.ts'
import type { Execution } from './executions/execution.ts'
import type { ExecutionDeps } from './executions/execution-deps.ts'
import { ExecutionQueries } from './executions/execution-queries.ts'
import { KnownExecutions } from './executions/known-executions.ts'
import type { ResultReader } from './executions/result-reader.ts'
import type { ExecutionCounts, ExecutionsApi, SubmitOptions, Submitted } from './executions-api.ts'
import type {
  CancelOptions,
  CleanupReport,
  ExecOutcome,
  ExecutionNet,
  ExecutionRecord,
  ExecutionResult,
  ExecutionSummary,
  LogRequest,
  RunOptions,
} from './executor.ts'

const NEVER = new AbortController().signal
const REMOVE_TIMEOUT_MS = 60_000

/**
 * The one implementation of the interface. The journal is its map of ids. What becomes of a request, in order:
 *
 * | status       | step                                                        | in                     |
 * |--------------|-------------------------------------------------------------|------------------------|
 * | `accepted`   | planned, refused if it can never run here, recorded         | `Beginnings.accept`    |
 * | `queued`     | waits for its inputs, then is admitted: it holds a lease    | `BringUp.start`        |
 * | `pulling`    | its image is fetched and held                               | `BringUp.start`        |
 * | `creating`   | its sandbox is made and started                             | `BringUp.start`        |
 * | `running`    | watched until it exits, is told to end, or its time is over | `Attempt.supervise`    |
 * | `finalizing` | output, results and the bill are brought in                 | `Finalization.bringIn` |
 * | terminal     | how it went is recorded, once; then sandbox and lease go    | `settleAtLast`         |
 *
 * `Execution` goes this way with each, again from `queued` with the next attempt where that may be.
 */
export class ExecutionService implements ExecutionsApi {
  readonly #deps: ExecutionDeps
  readonly #known: KnownExecutions
  readonly #queries: ExecutionQueries
  readonly #background = new BackgroundWork()

  constructor(deps: ExecutionDeps) {
    this.#deps = deps
    this.#known = new KnownExecutions(deps)
    this.#queries = new ExecutionQueries(deps, this.#known)
  }

  getId(): string {
    return this.#deps.executorId
  }

  async start(request: ExecutionRequest, signal: AbortSignal = NEVER): Promise<void> {
    const execution = await this.#known.begin(request, signal)
    await abortable(execution.started, signal)
  }

  async run(request: ExecutionRequest, options: RunOptions = {}): Promise<ExecutionResult> {
    const { signal = NEVER, cancelOnAbort = false } = options
    const execution = await this.#known.begin(request, signal)
    try {
      await abortable(execution.settled, signal)
      return await this.wait(execution.record.value.executionId, signal)
    } catch (error) {
      // It may have ended meanwhile: then there is nothing to cancel.
      if (signal.aborted && cancelOnAbort) this.#background.add(execution.cancel(0).catch(() => {}))
      throw error
    }
  }

  async wait(executionId: string, signal: AbortSignal = NEVER): Promise<ExecutionResult> {
    return this.#queries.result(executionId, signal)
  }

  async cancel(executionId: string, options: CancelOptions = {}): Promise<void> {
    const execution = await this.#cancel(executionId, options)
    await abortable(execution.settled, options.signal ?? NEVER)
  }

  async requestCancel(executionId: string, options: CancelOptions = {}): Promise<void> {
    await this.#cancel(executionId, options)
  }

  async #cancel(executionId: string, { graceMs, signal = NEVER }: CancelOptions): Promise<Execution> {
    if (graceMs !== undefined && !(graceMs >= 0))
      throw new ErrandError('validation_failed', 'graceMs: must be 0 or more')
    const execution = await this.#known.loadLive(executionId)
    await abortable(execution.cancel(graceMs ?? execution.graceMs), signal)
    return execution
  }

  getLogStream({ executionId, signal = NEVER, onOpened, ...range }: LogRequest): AsyncGenerator<LogEntry> {
    return this.#queries.logs(executionId, range, signal, onOpened)
  }

  async list(): Promise<ExecutionSummary[]> {
    return this.#queries.summaries()
  }

  async getStatus(executionId: string): Promise<ExecutionStatus> {
    return (await this.getInfo(executionId)).status
  }

  async waitForStatus(
    executionId: string,
    status: ExecutionStatus,
    timeoutMs: number,
    signal: AbortSignal = NEVER,
  ): Promise<void> {
    await this.#queries.reached(executionId, status, timeoutMs, signal)
  }

  async pause(executionId: string, signal: AbortSignal = NEVER): Promise<void> {
    await (await this.#known.loadLive(executionId)).pause(signal)
  }

  async resume(executionId: string, signal: AbortSignal = NEVER): Promise<void> {
    await (await this.#known.loadLive(executionId)).resume(signal)
  }

  async exec(executionId: string, argv: readonly string[], signal: AbortSignal = NEVER): Promise<ExecOutcome> {
    const execution = await this.#known.loadLive(executionId)
    const { truncated: _none, ...outcome } = await commandInside(
      execution,
      { argv },
      OWN_LIMIT,
      this.#deps.clock,
      signal,
    )
    return outcome
  }

  async stats(executionId: string, signal: AbortSignal = NEVER): Promise<SandboxStats> {
    const execution = await this.#known.loadLive(executionId)
    return (await execution.instance.stats(signal)) ?? execution.refuseEnded()
  }

  async getInfo(executionId: string): Promise<ExecutionRecord> {
    return this.#queries.record(executionId)
  }

  async getNetInfo(executionId: string, signal: AbortSignal = NEVER): Promise<ExecutionNet> {
    const execution = await this.#known.loadLive(executionId)
    const view = await execution.instance.inspect(signal)
    if (view === undefined || view.state === 'exited') return execution.refuseEnded()
    if (view.net === undefined) throw new ErrandError('network_unavailable', `execution ${executionId} has no network`)
    return view.net
  }

  async remove(executionId: string, timeoutMs: number = REMOVE_TIMEOUT_MS, signal: AbortSignal = NEVER): Promise<void> {
    await this.getInfo(executionId)
    const tooLate = (): ErrandError =>
      new ErrandError('deadline_exceeded', `execution ${executionId} was not removed within ${timeoutMs} ms`)
    using deadline = new Deadline(this.#deps.clock, timeoutMs, tooLate, signal)
    const forgotten = this.#known.forget(executionId)
    this.#background.add(forgotten.catch(() => {})) // its caller is told below
    await abortable(forgotten, deadline.signal)
  }

  async cleanup(signal: AbortSignal = NEVER): Promise<CleanupReport> {
    const ids = (await this.list()).map(({ executionId }) => executionId)
    return new Cleanup(this.#deps, (executionId) => this.#known.forget(executionId)).run(ids, signal)
  }

  async submit(request: ExecutionRequest, options: SubmitOptions = {}): Promise<Submitted> {
    return this.#known.submit(request, options)
  }

  async putInputs(executionId: string, tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    await (await this.#known.loadLive(executionId)).uploads.receive(tar, signal)
  }

  async command(executionId: string, command: InsideCommand, signal: AbortSignal): Promise<InsideOutcome> {
    const execution = await this.#known.loadLive(executionId)
    return commandInside(execution, command, ANSWER_LIMIT, this.#deps.clock, signal)
  }

  async openResult(executionId: string, path: readonly string[]): Promise<ResultReader> {
    return this.#queries.openResult(executionId, path)
  }

  async page(query: PageQuery): Promise<Page<ExecutionRecord>> {
    return this.#deps.journal.page(this.#deps.executorId, query)
  }

  counts(): ExecutionCounts {
    return this.#known.counts()
  }

  async untilNone(signal: AbortSignal): Promise<void> {
    await abortable(this.#known.untilNone(), signal)
  }

  async untilNoneRuns(signal: AbortSignal): Promise<void> {
    await abortable(this.#known.current.untilNoneRuns(), signal)
  }

  async events(seq: number, limit: number): Promise<JournalEvent[]> {
    return this.#deps.journal.events(this.#deps.executorId, seq, limit)
  }

  onEvent(listener: (event: JournalEvent) => void): Disposable {
    return this.#deps.journal.onEvent(listener)
  }

  /** Takes up what earlier processes left. Before anything else of theirs is removed. Returns how much that was. */
  recover(signal: AbortSignal): Promise<number> {
    return this.#known.recover(signal)
  }

  /** Lets go: what runs goes on, what waits is begun by the next process. Instead of disposing. */
  async detach(): Promise<void> {
    await this.#known.detach()
    await this.#background.idle()
    await this.#deps.held?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#known.close()
    const ids = (await this.list()).map(({ executionId }) => executionId)
    await Promise.all(ids.map((executionId) => this.#known.forget(executionId)))
    await this.#known.idle()
    await this.#background.idle()
    await this.#deps.held?.[Symbol.asyncDispose]()
  }
}
