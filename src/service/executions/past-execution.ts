import { ErrandError } from '../../core/errors.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import { ExecutionFiles } from './execution-files.ts'

/** An execution that has ended: a record, and files that are opened when somebody asks for them. */
export class PastExecution {
  readonly record: ExecutionRecord
  readonly #deps: ExecutionDeps
  #files: Promise<ExecutionFiles> | undefined

  constructor(deps: ExecutionDeps, record: ExecutionRecord) {
    this.#deps = deps
    this.record = record
  }

  get files(): Promise<ExecutionFiles> {
    this.#files ??= ExecutionFiles.reopen(this.#deps, this.record)
    return this.#files
  }
}

/** @throws already_ended */
export function refuseEnded({ executionId, status }: ExecutionRecord): never {
  throw new ErrandError('already_ended', `execution ${executionId} has ended`, { details: { status } })
}
