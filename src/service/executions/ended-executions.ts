import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import { HumanLogs } from '../../logs/human-logs.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
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

const UNLIMITED = { bytes: Infinity, inodes: Infinity }

const PAGE = 1000

/**
 * Executions that have ended, until their time is over. There may be very many: of each only its id is in memory, and
 * nothing given here may hold on to more.
 */
export class EndedExecutions implements Disposable {
  readonly #deps: ExecutionDeps
  readonly #webhooks: ExecutionWebhooks
  readonly #forget: (executionId: string) => Promise<void>
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()
  readonly #records: Retention
  /** Of the output as files for people. */
  readonly #texts: Retention
  readonly #onDisk: KeptOnDisk

  /** @param forget removes all that there is of one */
  constructor(deps: ExecutionDeps, webhooks: ExecutionWebhooks, forget: (executionId: string) => Promise<void>) {
    this.#deps = deps
    this.#webhooks = webhooks
    this.#forget = forget
    const onDue = (executionId: string): void => this.#background.add(this.#expire(executionId))
    this.#records = new Retention(deps.clock, (executionId) => this.#background.add(this.#expireTold(executionId)))
    const limitBytes = deps.defaults.retentionBytes
    this.#onDisk = new KeptOnDisk({ limitBytes, measure: (id, signal) => this.#measure(id, signal), onDue })
    this.#texts = new Retention(deps.clock, (executionId) => this.#background.add(this.#removeTexts(executionId)))
  }

  /**
   * In the order of their ends: beyond what they may take on disk, the first one goes.
   * @param sinceMs how long ago it ended
   */
  keep(executionId: string, { retentionMs, persistLogsMs }: Keeping, sinceMs: number): void {
    this.#records.keep(executionId, Math.max(0, retentionMs - sinceMs))
    this.#background.add(this.#onDisk.add(executionId))
    if (persistLogsMs === undefined || persistLogsMs >= retentionMs) return
    this.#texts.keep(executionId, Math.max(0, persistLogsMs - sinceMs))
  }

  drop(executionId: string): void {
    this.#records.drop(executionId)
    this.#texts.drop(executionId)
    this.#onDisk.drop(executionId)
  }

  /** What ended in earlier processes is forgotten in its own time, too. */
  async recover(): Promise<void> {
    const { journal, executorId, clock, defaults } = this.#deps
    const nowMs = clock.wallMs()
    const left: Left[] = []
    let cursor: string | undefined
    do {
      const page = await journal.page(executorId, { limit: PAGE, ...(cursor !== undefined && { cursor }) })
      for (const record of page.records.filter(({ status }) => isTerminal(status))) {
        const { executionId, times, request, terms } = record
        this.#webhooks.tell(record)
        const { persistLogsMs, retentionMs = defaults.retentionMs } = { ...request, ...terms }
        left.push({ executionId, retentionMs, persistLogsMs, endedMs: times.endedMs ?? nowMs })
      }
      cursor = page.cursor
    } while (cursor !== undefined)
    left.sort((a, b) => a.endedMs - b.endedMs)
    for (const { executionId, endedMs, ...keeping } of left) this.keep(executionId, keeping, nowMs - endedMs)
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
      await this.#forget(executionId)
    } catch (error) {
      this.#deps.log.warn({ err: error, execution: executionId }, 'an old execution could not be removed')
    }
  }

  async #removeTexts(executionId: string): Promise<void> {
    const { journal, executorId, log } = this.#deps
    const record = await journal.find(executorId, executionId).catch(() => undefined)
    if (record === undefined) return
    await HumanLogs.remove(record.resultsDir, log)
    await this.#onDisk.addAgain(executionId)
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
