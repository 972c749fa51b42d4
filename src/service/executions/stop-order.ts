import { isTerminal } from '../../core/execution.ts'
import type { StopIntent } from '../executor.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { outcomeOfIntent } from './outcome.ts'

/** Why one execution was told to end: the first reason counts, and is recorded before it is carried out. */
export class StopOrder {
  readonly #parts: ExecutionParts
  #intent: StopIntent | undefined
  #graceMs: number
  #recorded: Promise<void> = Promise.resolve()
  /** Resolves when the first try to record it has failed, and there is another. */
  readonly #isDelayed = Promise.withResolvers<void>()

  constructor(parts: ExecutionParts) {
    this.#parts = parts
    const { intent } = parts.record.value
    this.#intent = intent?.kind
    this.#graceMs = intent?.graceMs ?? Infinity
  }

  get intent(): StopIntent | undefined {
    return this.#intent
  }

  /** The least that anybody gave it. */
  get graceMs(): number {
    return this.#graceMs
  }

  /**
   * Resolves when it may be carried out. Should this process die then, the next one knows that the end was ours; only what
   * is killed at once, and can be taken for no success, need not wait for a journal that cannot keep it now.
   * @throws what the journal throws
   */
  async give(kind: StopIntent, graceMs: number): Promise<void> {
    this.#graceMs = Math.min(this.#graceMs, graceMs)
    if (this.#intent === undefined) {
      this.#intent = kind
      this.#recorded = this.#record(kind, graceMs)
      this.#recorded.catch(() => {}) // whoever wants to know asks
    }
    await (graceMs > 0 ? this.#recorded : Promise.race([this.#recorded, this.#isDelayed.promise]))
  }

  /** Resolves when it is recorded. @throws what the journal throws */
  get recorded(): Promise<void> {
    return this.#recorded
  }

  async #record(kind: StopIntent, graceMs: number): Promise<void> {
    const { deps, record } = this.#parts
    // What has ended was not told to.
    if (isTerminal(record.status)) return
    const intent = { kind, atMs: deps.clock.wallMs(), graceMs }
    const changes = { intent, message: `it is to end: ${outcomeOfIntent(kind).message}` }
    try {
      await record.tryAmend(changes)
    } catch (error) {
      deps.log.error(
        { err: error, execution: record.value.executionId },
        'the end of an execution could not be announced',
      )
      this.#isDelayed.resolve()
      await record.amend(changes)
    }
  }
}
