import { ErrandError } from '../core/errors.ts'
import { ConfigError } from '../daemon/config/config-error.ts'
import { StateFolderLocked } from '../service/state-folder.ts'
import { EXIT, EXIT_STATUS } from './exit-status.ts'
import { jsonError } from './output/json-error.ts'
import { neutralize } from './output/neutralize.ts'

/** How a command that failed ends: text for stderr and an exit status. */
export interface Failure {
  readonly status: number
  /** One sentence, one line per problem of a configuration, or JSON. Fit for a terminal. */
  readonly text: string
}

interface FailureOptions {
  /** Exceptions to what codes usually end with. */
  readonly statuses?: Partial<typeof EXIT_STATUS>
  /** For programs. */
  readonly json?: boolean
}

export function describeFailure(thrown: unknown, { statuses = {}, json = false }: FailureOptions = {}): Failure {
  if (thrown instanceof ConfigError) {
    const error = new ErrandError('validation_failed', thrown.message, { cause: thrown })
    return { status: EXIT.config, text: json ? jsonError(error) : `${printable(thrown.message)}\n` }
  }
  const error = ErrandError.from(thrown)
  const text = json ? jsonError(error) : `errand: ${printable(error.message)}\n`
  if (error instanceof StateFolderLocked) return { status: EXIT.tempFail, text }
  return { status: statuses[error.code] ?? EXIT_STATUS[error.code], text }
}

/** Messages carry names that others chose. */
function printable(message: string): string {
  return neutralize(message, { lines: true })
}
