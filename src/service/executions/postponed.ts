import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { Execution } from './execution.ts'

const RETRY_MS = 5000

interface PostponedDeps {
  readonly clock: Clock
  readonly log: Log
  /** Makes it live. @throws storage_full while there is no room for it */
  readonly begin: (record: ExecutionRecord) => Promise<Execution>
  /** For what it is not to be begun at all. */
  readonly giveUp: (record: ExecutionRecord, error: ErrandError) => Promise<void>
}

interface Waiting {
  readonly record: ExecutionRecord
  readonly begun: PromiseWithResolvers<Execution | undefined>
  /** Resolves when it does not wait any more. */
  readonly over: PromiseWithResolvers<void>
}

/** What an earlier process accepted and this one has no room for yet, on the disk: it is begun as soon as there is some. */
export class Postponed implements Disposable {
  readonly #deps: PostponedDeps
  readonly #waiting = new Map<string, Waiting>()
  readonly #background = new BackgroundWork()
  #trying: Promise<void> = Promise.resolve()
  #timer: Disposable | undefined
  /** Those that are just being removed. */
  readonly #leaving = new Set<string>()
  #isDisposed = false

  constructor(deps: PostponedDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#waiting.size
  }

  has(executionId: string): boolean {
    return this.#waiting.has(executionId)
  }

  /** Resolves when none waits any more. */
  async untilNone(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all([...this.#waiting.values()].map(({ over }) => over.promise))
  }

  add(record: ExecutionRecord): void {
    const { log } = this.#deps
    log.warn({ execution: record.executionId }, 'there is no room on the disk to go on with an execution; it waits')
    this.#waiting.set(record.executionId, waitingFor(record))
    this.#arm()
  }

  /** Resolves when it lives, or does not wait any more; at once for one that does not wait. */
  async begun(executionId: string, signal: AbortSignal): Promise<Execution | undefined> {
    const waiting = this.#waiting.get(executionId)
    return waiting && (await abortable(waiting.begun.promise, signal))
  }

  /** Tries it now. Undefined for one that does not wait. @throws storage_full while there is still no room */
  async beginNow(executionId: string): Promise<Execution | undefined> {
    const waiting = this.#waiting.get(executionId)
    if (waiting === undefined) return undefined
    await this.#tryNext()
    if (this.#waiting.has(executionId))
      throw new ErrandError('storage_full', 'there is no room to go on with it', RETRY)
    return waiting.begun.promise
  }

  /**
   * It is not to be begun any more, once `remove` has removed it, nor meanwhile; whoever waits for it is told before. That
   * runs when it is not just being begun, also for one that does not wait. @throws what `remove` rejects with
   */
  async drop(executionId: string, remove: () => Promise<void>): Promise<void> {
    this.#leaving.add(executionId)
    try {
      await this.#trying
      const waiting = this.#waiting.get(executionId)
      waiting?.begun.resolve(undefined)
      try {
        await remove()
        this.#end(executionId)
      } catch (error) {
        if (waiting !== undefined) this.#waitAgain(waiting)
        throw error
      }
    } finally {
      this.#leaving.delete(executionId)
    }
  }

  async idle(): Promise<void> {
    await this.#background.idle()
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#timer?.[Symbol.dispose]()
    for (const executionId of this.#waiting.keys()) this.#end(executionId)
  }

  #waitAgain({ record, over }: Waiting): void {
    if (!this.#waiting.has(record.executionId)) return
    this.#waiting.set(record.executionId, { ...waitingFor(record), over })
    this.#arm()
  }

  #end(executionId: string, execution?: Execution): void {
    const waiting = this.#waiting.get(executionId)
    this.#waiting.delete(executionId)
    waiting?.begun.resolve(execution)
    waiting?.over.resolve()
  }

  #arm(): void {
    if (this.#isDisposed) return
    this.#timer?.[Symbol.dispose]()
    this.#timer = this.#deps.clock.setTimer(RETRY_MS, () => void this.#tryNext())
  }

  #tryNext(): Promise<void> {
    this.#trying = this.#trying.then(() => this.#tryAll())
    this.#background.add(this.#trying)
    return this.#trying
  }

  /** In the order in which they were accepted, until one finds no room. */
  async #tryAll(): Promise<void> {
    for (const [executionId, { record }] of this.#waiting) {
      if (!this.#leaving.has(executionId) && !(await this.#begin(record))) return this.#arm()
    }
  }

  /** False while it has to wait. */
  async #begin(record: ExecutionRecord): Promise<boolean> {
    const { executionId } = record
    try {
      this.#end(executionId, await this.#deps.begin(record))
      return true
    } catch (error) {
      const failure = ErrandError.from(error)
      if (failure.code === 'storage_full' || !(await this.#isGivenUp(record, failure))) return false
      this.#end(executionId)
      return true
    }
  }

  async #isGivenUp(record: ExecutionRecord, failure: ErrandError): Promise<boolean> {
    try {
      await this.#deps.giveUp(record, failure)
      return true
    } catch (error) {
      this.#deps.log.error({ err: error, execution: record.executionId }, 'it could not be given up; it waits')
      return false
    }
  }
}

function waitingFor(record: ExecutionRecord): Waiting {
  return { record, begun: Promise.withResolvers(), over: Promise.withResolvers() }
}

const RETRY = { retryAfterMs: RETRY_MS }
