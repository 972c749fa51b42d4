import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { Allowance } from '../../files/allowance.ts'
import type { ExecutionDefaults } from './execution-plan.ts'

export interface UploadStoreDeps {
  readonly clock: Clock
  readonly log: Log
  readonly trash: string
  readonly defaults: Pick<ExecutionDefaults, 'inputBytes' | 'inputFiles' | 'inputTotalBytes'>
  /** Asked again and again while something is received. @throws storage_full */
  readonly assertRoom?: () => Promise<void>
}

/** What the uploads of all executions have in common: their bounds, and who waits for one. */
export class UploadStore {
  readonly deps: UploadStoreDeps
  readonly #total: Allowance
  /** The callers of those that wait, one entry for each. */
  readonly #waiting = new Map<object, string>()

  constructor(deps: UploadStoreDeps) {
    this.deps = deps
    this.#total = new Allowance({ bytes: deps.defaults.inputTotalBytes, files: Infinity })
  }

  /** For one upload. */
  allow(): Allowance {
    const { inputBytes, inputFiles } = this.deps.defaults
    return new Allowance({ bytes: inputBytes, files: inputFiles }, this.#total)
  }

  /** Executions whose files have not come, of all callers or of one. */
  waiting(callerId?: string): number {
    if (callerId === undefined) return this.#waiting.size
    return [...this.#waiting.values()].filter((each) => each === callerId).length
  }

  /** Until disposed. */
  addWaiting(callerId: string): Disposable {
    const one = {}
    this.#waiting.set(one, callerId)
    return { [Symbol.dispose]: () => void this.#waiting.delete(one) }
  }
}
