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

/** What the uploads of all executions have in common: their bounds. */
export class UploadStore {
  readonly deps: UploadStoreDeps
  readonly #total: Allowance

  constructor(deps: UploadStoreDeps) {
    this.deps = deps
    this.#total = new Allowance({ bytes: deps.defaults.inputTotalBytes, files: Infinity })
  }

  /** For one upload. */
  allow(): Allowance {
    const { inputBytes, inputFiles } = this.deps.defaults
    return new Allowance({ bytes: inputBytes, files: inputFiles }, this.#total)
  }
}
