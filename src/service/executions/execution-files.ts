import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../../core/log.ts'
import type { OutputChunk } from '../../engine/engine.ts'
import { discardTree, removeTree } from '../../files/remove-tree.ts'
import { takeResultsFolder } from '../../files/results-folder.ts'
import type { CaptureSink } from '../../instance/output-capture.ts'
import type { LogCounts } from '../../logs/execution-log.ts'
import { ExecutionLog } from '../../logs/execution-log.ts'
import { HumanLogs } from '../../logs/human-logs.ts'
import type { KeptOutput } from '../../logs/log-catch-up.ts'
import type { LogEntry, LogRange } from '../../logs/log-entry.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import { LOG_BYTES } from './plan-execution.ts'

/** What one execution has on this host's disk: its log, what it is given, and its results. */
export class ExecutionFiles implements CaptureSink {
  /** Ours alone; everything is in it, but results that were wanted elsewhere. */
  readonly folder: string
  readonly resultsDir: string
  readonly #trash: string
  readonly #log: ExecutionLog
  /** Undefined when they were completed earlier. */
  readonly #texts: HumanLogs | undefined
  readonly #errors: Log

  private constructor(place: Place, log: ExecutionLog, texts: HumanLogs | undefined, errors: Log) {
    this.folder = place.folder
    this.resultsDir = place.resultsDir
    this.#trash = place.trash
    this.#log = log
    this.#texts = texts
    this.#errors = errors
  }

  /** Makes them, in place of what an earlier process left under the same id. @throws validation_failed; storage_error */
  static async make(deps: ExecutionDeps, plan: ExecutionPlan): Promise<ExecutionFiles> {
    const place = placeOf(deps, plan)
    const { clock, log } = deps
    await discardTree(place.folder, place.trash)
    await mkdir(place.folder, { mode: 0o700 })
    if (plan.resultsDir === undefined) await mkdir(place.resultsDir, { mode: 0o700 })
    else await takeResultsFolder(place.resultsDir, deps.privatePaths)
    const limitBytes = plan.logBytes
    const opened = await ExecutionLog.open({ folder: join(place.folder, 'log'), limitBytes, clock, log })
    return new ExecutionFiles(place, opened, await HumanLogs.open(place.resultsDir, limitBytes, log), log)
  }

  /** Those of an earlier process, or of an execution that has ended. @throws not_found; storage_error */
  static async reopen(
    deps: ExecutionDeps,
    { executionId, request, resultsDir }: ExecutionRecord,
  ): Promise<ExecutionFiles> {
    const { clock, log, trash } = deps
    const folder = join(deps.folder, executionId)
    const limitBytes = request.limits?.logBytes ?? LOG_BYTES
    const opened = await ExecutionLog.reopen({ folder: join(folder, 'log'), limitBytes, clock, log })
    const texts = opened.isEnded ? undefined : await HumanLogs.open(resultsDir, 0, log)
    return new ExecutionFiles({ folder, resultsDir, trash }, opened, texts, log)
  }

  get totals(): LogCounts {
    return this.#log.totals
  }

  append(stream: OutputChunk['stream'], data: Buffer): void {
    this.#log.append(stream, data)
    this.#texts?.append(stream, data)
  }

  async catchUp(kept: KeptOutput): Promise<void> {
    await this.#log.catchUp(kept)
  }

  noteGap(bytes: number | undefined): void {
    this.#log.noteGap(bytes)
  }

  /** Nothing more will be printed. */
  async end(): Promise<void> {
    await this.#log.end()
    await this.#texts?.complete(this.#log)
  }

  /** What is kept of a stream; the last `maxBytes` of it where that is said. */
  async text(stream: OutputChunk['stream'], maxBytes?: number): Promise<string> {
    return await this.#log.text(stream, maxBytes)
  }

  read(range: LogRange, signal: AbortSignal): AsyncIterable<LogEntry> {
    return this.#log.read(range, signal)
  }

  /** Takes away `stdout.log` and `stderr.log`. */
  async removeTexts(): Promise<void> {
    await HumanLogs.remove(this.resultsDir, this.#errors)
  }

  /** What its sandbox was given and has no more use for. */
  async removeGiven(): Promise<void> {
    for (const name of ['provision', 'inputs']) await removeTree(join(this.folder, name))
  }

  /** Everything but results that were wanted elsewhere: those are their owner's. */
  async remove(): Promise<void> {
    await this.#texts?.close()
    await this.#log.remove()
    await discardTree(this.folder, this.#trash)
  }
}

interface Place {
  readonly folder: string
  readonly resultsDir: string
  readonly trash: string
}

/** Where an execution's results are. */
export function placeOf({ folder, trash }: Pick<ExecutionDeps, 'folder' | 'trash'>, plan: ExecutionPlan): Place {
  const own = join(folder, plan.executionId)
  return { folder: own, resultsDir: plan.resultsDir ?? join(own, 'results'), trash }
}
