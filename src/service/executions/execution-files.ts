import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutputChunk } from '../../engine/engine.ts'
import { namesIn } from '../../files/names-in.ts'
import { discardTree, removeTree } from '../../files/remove-tree.ts'
import { takeResultsFolder } from '../../files/results-folder.ts'
import { coded } from '../../files/tree-writer.ts'
import type { CaptureSink } from '../../instance/output-capture.ts'
import { ExecutionLog, type LogCounts } from '../../logs/execution-log.ts'
import { HumanLogs } from '../../logs/human-logs.ts'
import { catchUp, type KeptOutput } from '../../logs/log-catch-up.ts'
import type { LogEntry, LogRange } from '../../logs/log-entry.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import { GIVEN, logFolder, type Place, placeOf, reopenLog, replaceLog, undefinedIfGone } from './execution-place.ts'
import type { ExecutionPlan } from './execution-plan.ts'

type FilesDeps = Pick<ExecutionDeps, 'folder' | 'trash' | 'privatePaths' | 'clock' | 'log'>

/** What one execution has on this host's disk: its log, what it is given, and its results. */
export class ExecutionFiles implements CaptureSink {
  /** Ours alone; everything is in it, but results that were wanted elsewhere. */
  readonly folder: string
  readonly resultsDir: string
  readonly #deps: FilesDeps
  readonly #log: ExecutionLog
  /** While it lives. */
  #texts: HumanLogs | undefined
  /** What attempts before this one have printed. */
  #before: Printed = NOTHING
  /** What has to be done yet before outputs are brought in. */
  #prepare: (() => Promise<void>) | undefined

  private constructor(place: Place, deps: FilesDeps, log: ExecutionLog, texts?: HumanLogs) {
    this.folder = place.folder
    this.resultsDir = place.resultsDir
    this.#deps = deps
    this.#log = log
    this.#texts = texts
  }

  /**
   * Makes them, in place of what an earlier process left under the same id, all but what it was to `keep`.
   * @throws validation_failed; storage_full; storage_error
   */
  static make(deps: FilesDeps, plan: ExecutionPlan, keep: readonly string[] = []): Promise<ExecutionFiles> {
    return coded(ExecutionFiles.#make(deps, plan, keep))
  }

  static async #make(deps: FilesDeps, plan: ExecutionPlan, keep: readonly string[]): Promise<ExecutionFiles> {
    const place = placeOf(deps, plan)
    const { clock, log, trash, privatePaths } = deps
    if (keep.length === 0) await discardTree(place.folder, trash)
    else await discardOthers(place.folder, keep, trash)
    await mkdir(place.folder, { recursive: true, mode: 0o700 })
    if (plan.resultsDir === undefined) await mkdir(place.resultsDir, { mode: 0o700 })
    else await takeResultsFolder(place.resultsDir, privatePaths)
    const limitBytes = plan.logBytes
    const opened = await ExecutionLog.open({ folder: logFolder(place), limitBytes, clock, log })
    return new ExecutionFiles(place, deps, opened, await HumanLogs.open(place.resultsDir, limitBytes, log))
  }

  /** Those of one that has ended. @throws not_found; storage_error */
  static async reopen(deps: FilesDeps, record: ExecutionRecord): Promise<ExecutionFiles> {
    const place = { folder: join(deps.folder, record.executionId), resultsDir: record.resultsDir }
    return new ExecutionFiles(place, deps, await reopenLog(deps, place, record))
  }

  /**
   * Those of one that lives on, and whose outputs are to be brought in, perhaps again. Where somebody has removed them, they
   * are made anew, all but what it was to `keep`, and the log has what the engine keeps. Whatever else is the matter with
   * them, it goes on, for one execution must not keep a daemon from starting, nor lose its sandbox for its log: what cannot
   * be kept of its output is a gap, and the rest is tried again at its end. Never fails.
   */
  static async adopt(
    deps: FilesDeps,
    record: ExecutionRecord,
    plan: ExecutionPlan,
    keep: readonly string[],
  ): Promise<ExecutionFiles> {
    try {
      return await ExecutionFiles.#takeOver(deps, record, plan, keep)
    } catch (error) {
      const { executionId } = record
      deps.log.warn({ err: error, execution: executionId }, 'the files of an execution cannot be used; it goes on')
      return ExecutionFiles.#makeDo(deps, record, plan)
    }
  }

  static async #makeDo(deps: FilesDeps, record: ExecutionRecord, plan: ExecutionPlan): Promise<ExecutionFiles> {
    const place = placeOf(deps, plan)
    const left = await reopenLog(deps, place, record).catch(() => undefined)
    const files = new ExecutionFiles(place, deps, left ?? (await replaceLog(deps, place, record)))
    files.#before = printedBefore(files.totals, record.logs)
    files.#prepare = async () => {
      if (plan.resultsDir === undefined) await mkdir(place.resultsDir, { recursive: true, mode: 0o700 })
      await clearOutputs(place, plan)
    }
    return files
  }

  /** @throws storage_full; storage_error */
  static async #takeOver(
    deps: FilesDeps,
    record: ExecutionRecord,
    plan: ExecutionPlan,
    keep: readonly string[],
  ): Promise<ExecutionFiles> {
    const place = placeOf(deps, plan)
    await coded(clearOutputs(place, plan))
    const log = await reopenLog(deps, place, record).catch(undefinedIfGone)
    if (log === undefined) return ExecutionFiles.make(deps, plan, keep)
    const files = new ExecutionFiles(place, deps, log, await HumanLogs.open(place.resultsDir, 0, deps.log))
    files.#before = record.logs
    return files
  }

  /**
   * Those of one that is begun by this process, whatever an earlier one has made: what attempts before this one have printed,
   * and what it was to `keep`, stays.
   * @throws validation_failed; storage_full; storage_error
   */
  static async begin(
    deps: FilesDeps,
    record: ExecutionRecord,
    plan: ExecutionPlan,
    keep: readonly string[],
  ): Promise<ExecutionFiles> {
    if (record.attempt === 1) return ExecutionFiles.make(deps, plan, keep)
    const files = await ExecutionFiles.#takeOver(deps, record, plan, keep)
    await coded(files.removeGiven())
    files.nextAttempt()
    return files
  }

  get totals(): LogCounts {
    return this.#log.totals
  }

  append(stream: OutputChunk['stream'], data: Buffer): void {
    this.#texts?.append(stream, data)
    this.#log.append(stream, data)
  }

  get isCrowded(): boolean {
    return this.#log.isCrowded
  }

  async written(): Promise<void> {
    await this.#log.written()
  }

  async catchUp(kept: KeptOutput): Promise<void> {
    const log = this.#log
    await catchUp(
      {
        totals: less(log.totals, this.#before),
        append: (stream, data) => this.append(stream, data),
        noteGap: () => log.noteGap(),
        read: (range) => log.read(range),
        written: () => log.written(),
      },
      kept,
    )
  }

  noteGap(): void {
    this.#log.noteGap()
  }

  /** What is printed from now on is another attempt's. */
  nextAttempt(): void {
    this.#before = this.#log.totals
  }

  /** Called before outputs are brought in. @throws storage_full; storage_error */
  async prepareResults(): Promise<void> {
    await coded(this.#prepare?.() ?? Promise.resolve())
    this.#prepare = undefined
  }

  /** Nothing more will be printed. Never fails. */
  async end(): Promise<void> {
    await this.#log.end()
    this.#texts ??= await this.#openTexts()
    await this.#texts?.complete(this.#log)
  }

  /** Lets go of them for a later process. */
  async close(): Promise<void> {
    await this.#log.close()
    await this.#texts?.close()
  }

  /** What is kept of a stream; of more than `maxBytes`, half from each end. */
  async text(stream: OutputChunk['stream'], maxBytes?: number): Promise<string> {
    return this.#log.text(stream, maxBytes)
  }

  read(range: LogRange, signal: AbortSignal, onOpened?: () => void): AsyncIterable<LogEntry> {
    return this.#log.read(range, signal, onOpened)
  }

  /** What its sandbox was given and has no more use for. */
  async removeGiven(): Promise<void> {
    for (const name of GIVEN) await removeTree(join(this.folder, name))
  }

  async #openTexts(): Promise<HumanLogs | undefined> {
    const { log } = this.#deps
    return HumanLogs.open(this.resultsDir, 0, log).catch((error: unknown) => {
      log.warn({ err: error, folder: this.resultsDir }, 'the log files for people cannot be made')
      return undefined
    })
  }

  /** Everything but results that were wanted elsewhere: those are their owner's. */
  async remove(): Promise<void> {
    await this.#texts?.close()
    await this.#log.remove()
    await discardTree(this.folder, this.#deps.trash)
  }
}

/** All of one that does not live, but results that were wanted elsewhere, whether it is whole or not. @throws storage_error */
export async function discardFiles({ folder, trash }: Pick<FilesDeps, 'folder' | 'trash'>, id: string): Promise<void> {
  await coded(discardTree(join(folder, id), trash))
}

async function clearOutputs({ resultsDir }: Place, { outputs }: ExecutionPlan): Promise<void> {
  for (const { name } of outputs) await removeTree(join(resultsDir, name))
}

async function discardOthers(folder: string, keep: readonly string[], trash: string): Promise<void> {
  const found = await namesIn(folder)
  for (const name of found.filter((each) => !keep.includes(each))) await discardTree(join(folder, name), trash)
}

type Printed = Pick<LogCounts, 'stdoutBytes' | 'stderrBytes'>

const NOTHING: Printed = { stdoutBytes: 0, stderrBytes: 0 }

function less(all: Printed, before: Printed): Printed {
  return { stdoutBytes: all.stdoutBytes - before.stdoutBytes, stderrBytes: all.stderrBytes - before.stderrBytes }
}

/** A log that was made anew has nothing of what was printed before. */
function printedBefore(kept: Printed, before: Printed): Printed {
  return kept.stdoutBytes < before.stdoutBytes || kept.stderrBytes < before.stderrBytes ? NOTHING : before
}
