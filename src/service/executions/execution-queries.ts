import { ErrandError } from '../../core/errors.ts'
import type { ExecutionStatus } from '../../core/execution.ts'
import { Deadline } from '../../core/wait.ts'
import type { LogEntry, LogRange } from '../../logs/log-entry.ts'
import { abortable } from '../../util/abort.ts'
import type { ExecutionRecord, ExecutionResult, ExecutionSummary } from '../executor.ts'
import type { Execution } from './execution.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { KnownExecutions } from './known-executions.ts'
import { liveRecord } from './live-record.ts'
import { holding, openResultOf, type ResultReader } from './result-reader.ts'
import { TrackedRecord } from './tracked-record.ts'

const PAGE = 1000

/** What can be asked of executions, whether they live or have ended. Changes none of them. */
export class ExecutionQueries {
  readonly #deps: ExecutionDeps
  readonly #known: KnownExecutions

  constructor(deps: ExecutionDeps, known: KnownExecutions) {
    this.#deps = deps
    this.#known = known
  }

  /** @throws not_found */
  async record(executionId: string): Promise<ExecutionRecord> {
    const live = await this.#known.live(executionId)
    if (live === undefined) return (await this.#known.past(executionId)).record
    return liveRecord(live, this.#deps.admission)
  }

  /** The oldest first. */
  async summaries(): Promise<ExecutionSummary[]> {
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

  /** Resolves when it is, or has been, in `status`. @throws as `Executor.waitForStatus` */
  async reached(executionId: string, status: ExecutionStatus, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { journal, clock } = this.#deps
    const tooLate = (): ErrandError =>
      new ErrandError('deadline_exceeded', `execution ${executionId} was not ${status} within ${timeoutMs} ms`)
    using deadline = new Deadline(clock, timeoutMs, tooLate, signal)
    const live = await this.#known.begun(executionId, deadline.signal)
    const record = live?.record ?? new TrackedRecord(journal, clock, await this.record(executionId))
    await record.reached(status, deadline.signal)
  }

  async *logs(
    executionId: string,
    range: LogRange,
    signal: AbortSignal,
    onOpened?: () => void,
  ): AsyncGenerator<LogEntry> {
    const live = await this.#liveLog(executionId, range, signal, onOpened)
    const log = live?.files ?? (await this.#known.past(executionId))
    yield* log.read(range, signal, onOpened)
  }

  /** Resolves at its end. Who waits here when it is removed still gets its result. @throws as `Executor.wait` */
  async result(executionId: string, signal: AbortSignal): Promise<ExecutionResult> {
    return this.#known.resultWaits.run(executionId, () => this.#result(executionId, signal))
  }

  /** @throws as `ExecutionsApi.openResult` */
  async openResult(executionId: string, path: readonly string[]): Promise<ResultReader> {
    using undo = new DisposableStack()
    const held = undo.use(this.#known.resultReads.hold(executionId))
    const reader = await openResultOf(await this.record(executionId), path)
    undo.move()
    return holding(reader, held)
  }

  /** A follower of what waits for room on the disk waits, too: its log is made anew when it is begun. */
  async #liveLog(
    executionId: string,
    { follow = false }: LogRange,
    signal: AbortSignal,
    onOpened: () => void = () => {},
  ): Promise<Execution | undefined> {
    if (!follow || !this.#known.isPostponed(executionId)) return this.#known.live(executionId)
    onOpened()
    return this.#known.begun(executionId, signal)
  }

  async #result(executionId: string, signal: AbortSignal): Promise<ExecutionResult> {
    const live = await this.#known.begun(executionId, signal)
    await abortable(live?.settled ?? Promise.resolve(), signal)
    return (await this.#known.past(executionId)).result()
  }
}

function summarize({ executionId, jobId, status, times }: ExecutionRecord): ExecutionSummary {
  return { executionId, jobId, status, acceptedMs: times.acceptedMs }
}
