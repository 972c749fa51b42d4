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
}

/** What an earlier process accepted and this one has no room for yet, on the disk: it is begun as soon as there is some. */
export class Postponed implements Disposable {
  readonly #deps: PostponedDeps
  readonly #waiting = new Map<string, Waiting>()
  readonly #background = new BackgroundWork()
  #trying: Promise<void> = Promise.resolve()
  #timer: Disposable | undefined

  constructor(deps: PostponedDeps) {
    this.#deps = deps
  }

  add(record: ExecutionRecord): void {
    const { log } = this.#deps
    log.warn({ execution: record.executionId }, 'there is no room on the disk to go on with an execution; it waits')
    this.#waiting.set(record.executionId, { record, begun: Promise.withResolvers() })
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

  /** It is not to be begun any more. Resolves when it is not just being begun. */
  async drop(executionId: string): Promise<void> {
    await this.#trying
    this.#waiting.get(executionId)?.begun.resolve(undefined)
    this.#waiting.delete(executionId)
  }

  async idle(): Promise<void> {
    await this.#background.idle()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    for (const { begun } of this.#waiting.values()) begun.resolve(undefined)
    this.#waiting.clear()
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = this.#deps.clock.setTimer(RETRY_MS, () => this.#background.add(this.#tryNext()))
  }

  #tryNext(): Promise<void> {
    this.#trying = this.#trying.then(() => this.#tryAll())
    return this.#trying
  }

  /** In the order in which they were accepted, until one finds no room. */
  async #tryAll(): Promise<void> {
    for (const [executionId, waiting] of this.#waiting) {
      if (!(await this.#begin(waiting))) return this.#arm()
      this.#waiting.delete(executionId)
    }
  }

  async #begin({ record, begun }: Waiting): Promise<boolean> {
    const { begin, giveUp, log } = this.#deps
    try {
      begun.resolve(await begin(record))
      return true
    } catch (error) {
      const failure = ErrandError.from(error)
      if (failure.code === 'storage_full') return false
      await giveUp(record, failure).catch((cause: unknown) => log.error({ err: cause }, 'it could not be given up'))
      begun.resolve(undefined)
      return true
    }
  }
}

const RETRY = { retryAfterMs: RETRY_MS }
