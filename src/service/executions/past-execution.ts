import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import type { LogEntry, LogRange } from '../../logs/log-entry.ts'
import type { ExecutionRecord, ExecutionResult } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import { ExecutionFiles } from './execution-files.ts'

/** An execution that has ended: a record, and files that are opened when somebody asks for them. */
export class PastExecution {
  readonly record: ExecutionRecord
  readonly #deps: ExecutionDeps
  #files: Promise<ExecutionFiles> | undefined

  constructor(deps: ExecutionDeps, record: ExecutionRecord) {
    this.#deps = deps
    this.record = record
  }

  get files(): Promise<ExecutionFiles> {
    this.#files ??= ExecutionFiles.reopen(this.#deps, this.record)
    return this.#files
  }

  /** Nothing more comes of one that has ended, also where the disk has not taken the end of its log. @throws not_found; storage_error */
  async *read(range: LogRange, signal: AbortSignal, onOpened?: () => void): AsyncGenerator<LogEntry> {
    const follow = range.follow === true && !isTerminal(this.record.status)
    yield* (await this.files).read({ ...range, follow }, signal, onOpened)
  }

  /** @throws storage_error where its end could not be recorded */
  async result(): Promise<ExecutionResult> {
    const { executionId, status } = this.record
    if (!isTerminal(status)) throw new ErrandError('storage_error', `the end of ${executionId} could not be recorded`)
    return { ...this.record, status, ...(await this.#texts()) }
  }

  /** How it has ended is told in any case; how much was printed that is not here, its record says. */
  async #texts(): Promise<Pick<ExecutionResult, 'stdout' | 'stderr'>> {
    try {
      const files = await this.files
      const [stdout, stderr] = await Promise.all([files.text('stdout'), files.text('stderr')])
      return { stdout, stderr }
    } catch (error) {
      const { executionId } = this.record
      this.#deps.log.warn({ err: error, execution: executionId }, 'the log of an execution cannot be read')
      return { stdout: '', stderr: '' }
    }
  }
}

/** @throws already_ended */
export function refuseEnded({ executionId, status }: ExecutionRecord): never {
  throw new ErrandError('already_ended', `execution ${executionId} has ended`, { details: { status } })
}
