import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { sleep } from '../../core/wait.ts'
import { HumanLogs } from '../../logs/human-logs.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { Backoff } from '../../util/backoff.ts'
import { folderUsage } from '../../util/folder-usage.ts'
import { Retention } from '../retention.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import type { ExecutionWebhooks } from './execution-webhooks.ts'
import { KeptOnDisk } from './kept-on-disk.ts'

/** How long things are kept after the end. */
type Keeping = Pick<ExecutionPlan, 'retentionMs' | 'persistLogsMs'>

interface Left extends Keeping {
  readonly executionId: string
  readonly endedMs: number
}

/** Removes all that there is of one, when nobody reads its results any more. @throws signal.reason */
type Forget = (executionId: string, signal: AbortSignal) => Promise<void>

const UNLIMITED = { bytes: Infinity, inodes: Infinity }

const PAGE = 500

/** Until output files are looked for again that could not be removed. */
const TEXTS_RETRY_MS = 60_000

/**
 * Executions that have ended, until their time is over. There may be very many: of each only its id is in memory, and
 * nothing given here may hold on to more.
 */
export class EndedExecutions implements Disposable {
  readonly #deps: ExecutionDeps
  readonly #webhooks: ExecutionWebhooks
  readonly #forget: Forget
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()
  readonly #records: Retention
  /** Of the output as files for people. */
  readonly #texts: Retention
  readonly #onDisk: KeptOnDisk
  /** Resolves when all of earlier processes are known, which ended before any of this one. */
  #recovered: Promise<void> = Promise.resolve()
  /** While those are read: what has ended or gone meanwhile. What was read of an id before is of no account then. */
  #met: Set<string> | undefined

  constructor(deps: ExecutionDeps, webhooks: ExecutionWebhooks, forget: Forget) {
    this.#deps = deps
    this.#webhooks = webhooks
    this.#forget = forget
    const onDue = (executionId: string): void => this.#background.add(this.#expireTold(executionId))
    this.#records = new Retention(deps.clock, onDue)
    const limitBytes = deps.defaults.retentionBytes
    this.#onDisk = new KeptOnDisk({ limitBytes, measure: (id, signal) => this.#measure(id, signal), onDue })
    this.#texts = new Retention(deps.clock, (executionId) => this.#background.add(this.#removeTexts(executionId)))
  }

  /**
   * In the order of their ends: beyond what they may take on disk, the first one goes. Does nothing once disposed.
   * @param sinceMs how long ago it ended
   */
  keep(executionId: string, keeping: Keeping, sinceMs: number): void {
    if (this.#closing.signal.aborted) return
    this.#met?.add(executionId)
    this.#keepRecord(executionId, keeping, sinceMs)
    this.#background.add(this.#recovered.then(() => this.#count(executionId)))
  }

  /** Unless it has gone meanwhile. */
  async #count(executionId: string): Promise<void> {
    if (this.#records.has(executionId)) await this.#onDisk.add(executionId)
  }

  #keepRecord(executionId: string, { retentionMs, persistLogsMs }: Keeping, sinceMs: number): void {
    this.#records.keep(executionId, Math.max(0, retentionMs - sinceMs))
    if (persistLogsMs === undefined || persistLogsMs >= retentionMs) return
    this.#texts.keep(executionId, Math.max(0, persistLogsMs - sinceMs))
  }

  drop(executionId: string): void {
    this.#met?.add(executionId)
    this.#records.drop(executionId)
    this.#texts.drop(executionId)
    this.#onDisk.drop(executionId)
  }

  /**
   * What ended in earlier processes is forgotten in its own time, too. There may be so much of it that nothing waits until
   * all is read. Then `onRead` is told of all of them.
   */
  recover(onRead: (executionIds: ReadonlySet<string>, signal: AbortSignal) => Promise<void> = async () => {}): void {
    const met = new Set<string>()
    this.#met = met
    const recovery = async (): Promise<void> => {
      const read = await this.#recover(met)
      if (read !== undefined) await onRead(read, this.#closing.signal)
    }
    this.#background.add(recovery())
  }

  /** Undefined when it has to stop before. */
  async #recover(met: ReadonlySet<string>): Promise<ReadonlySet<string> | undefined> {
    const { clock, log } = this.#deps
    const { signal } = this.#closing
    const backoff = new Backoff(1000, 60_000)
    const recovering = Promise.withResolvers<void>()
    this.#recovered = recovering.promise
    while (!signal.aborted) {
      try {
        const left = await this.#readLeft(signal)
        this.#keepAll(left.filter(({ executionId }) => !met.has(executionId)))
        this.#met = undefined
        recovering.resolve()
        return new Set(left.map(({ executionId }) => executionId))
      } catch (error) {
        if (signal.aborted) break
        log.warn({ err: error }, 'what has ended before could not be read; it is kept until it can be')
        await sleep(clock, backoff.nextMs(), signal).catch(() => {})
      }
    }
    this.#met = undefined
    recovering.resolve()
    return undefined
  }

  async #readLeft(signal: AbortSignal): Promise<Left[]> {
    const { journal, executorId, defaults } = this.#deps
    const nowMs = this.#deps.clock.wallMs()
    const left: Left[] = []
    let cursor: string | undefined
    do {
      const page = await journal.ends(executorId, PAGE, cursor)
      signal.throwIfAborted()
      for (const { executionId, endedMs = nowMs, retentionMs = defaults.retentionMs, ...end } of page.ends) {
        if (end.isUntold) await this.#tell(executionId)
        left.push({ executionId, retentionMs, persistLogsMs: end.persistLogsMs, endedMs })
      }
      cursor = page.cursor
    } while (cursor !== undefined)
    return left
  }

  async #tell(executionId: string): Promise<void> {
    const { journal, executorId } = this.#deps
    const record = await journal.find(executorId, executionId)
    if (record !== undefined) this.#webhooks.tell(record)
  }

  #keepAll(left: readonly Left[]): void {
    const nowMs = this.#deps.clock.wallMs()
    for (const { executionId, endedMs, ...keeping } of left.toSorted((a, b) => a.endedMs - b.endedMs)) {
      this.#keepRecord(executionId, keeping, nowMs - endedMs)
      this.#background.add(this.#onDisk.add(executionId))
    }
  }

  idle(): Promise<void> {
    return this.#background.idle()
  }

  /** Nothing more is due. */
  [Symbol.dispose](): void {
    this.#closing.abort(new ErrandError('draining', 'the node is stopping'))
    this.#records[Symbol.dispose]()
    this.#texts[Symbol.dispose]()
    this.#onDisk[Symbol.dispose]()
  }

  /** Whoever is still to be told how it has ended is told first. */
  async #expireTold(executionId: string): Promise<void> {
    try {
      await abortable(this.#webhooks.untilTold(executionId), this.#closing.signal)
    } catch (error) {
      // The next process knows when it ended, too.
      if (ErrandError.from(error).code === 'draining') return
      this.#deps.log.warn({ err: error, execution: executionId }, 'an old execution could not be looked at')
    }
    await this.#expire(executionId)
  }

  async #expire(executionId: string): Promise<void> {
    try {
      await this.#forget(executionId, this.#closing.signal)
    } catch (error) {
      if (this.#closing.signal.aborted) return
      this.#deps.log.warn({ err: error, execution: executionId }, 'an old execution could not be removed')
    }
  }

  async #removeTexts(executionId: string): Promise<void> {
    const { journal, executorId, log } = this.#deps
    try {
      const record = await journal.find(executorId, executionId)
      if (record === undefined) return
      await HumanLogs.remove(record.resultsDir, log)
      await this.#onDisk.addAgain(executionId)
    } catch (error) {
      log.warn({ err: error, execution: executionId }, 'the output files of an old execution could not be removed')
      if (!this.#closing.signal.aborted) this.#texts.keep(executionId, TEXTS_RETRY_MS)
    }
  }

  /** All but results that were wanted elsewhere: those are their owner's. */
  async #measure(executionId: string, signal: AbortSignal): Promise<number> {
    const { folder, log } = this.#deps
    try {
      return (await folderUsage(join(folder, executionId), UNLIMITED, signal)).bytes
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, execution: executionId }, 'what an execution keeps was not measured')
      return 0
    }
  }
}
