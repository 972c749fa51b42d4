import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Log, silentLog } from '../core/log.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { ExecutionLog } from './execution-log.ts'
import type { LogStream } from './extent.ts'
import type { LogEntry, LogRange } from './log-entry.ts'

const NEVER: AbortSignal = new AbortController().signal

export interface KitOptions {
  readonly limitBytes?: number
  readonly clock?: ManualClock
  readonly log?: Log
  /** Where its folder is made. Default: the temporary files of this host. */
  readonly parent?: string
}

/** A log in a folder of its own, which goes when this is disposed. */
export class LogKit implements AsyncDisposable {
  readonly options: { folder: string; limitBytes: number; clock: ManualClock; log: Log }
  log: ExecutionLog
  readonly #base: string

  private constructor(base: string, log: ExecutionLog, options: LogKit['options']) {
    this.#base = base
    this.log = log
    this.options = options
  }

  static async open({
    limitBytes = 2 ** 40,
    clock,
    log = silentLog,
    parent = tmpdir(),
  }: KitOptions = {}): Promise<LogKit> {
    const base = await mkdtemp(join(parent, 'errand-log-'))
    const options = { folder: join(base, 'log'), limitBytes, clock: clock ?? new ManualClock(), log }
    return new LogKit(base, await ExecutionLog.open(options), options)
  }

  /** As a later process would. */
  async reopen(): Promise<ExecutionLog> {
    await this.log.close()
    this.log = await ExecutionLog.reopen(this.options)
    return this.log
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.remove()
    await rm(this.#base, { recursive: true })
  }
}

/** All that a reading yields. */
export async function entriesOf(
  log: ExecutionLog,
  range: LogRange = {},
  signal: AbortSignal = NEVER,
): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const entry of log.read(range, signal)) entries.push(entry)
  return entries
}

/** The output among entries, of one stream or of both as they came. */
export function bytesOf(entries: readonly LogEntry[], stream?: LogStream): Buffer {
  return Buffer.concat(
    entries.filter((entry) => stream === undefined || entry.stream === stream).map(({ data }) => data),
  )
}

/** Names the first place that breaks the numbering: from `seq` on, without a hole. */
export function findHole(entries: readonly LogEntry[], seq = 1): number | undefined {
  let next = seq
  for (const entry of entries) {
    if (entry.seq !== next) return next
    next = (entry.gap?.untilSeq ?? entry.seq) + 1
  }
  return undefined
}
