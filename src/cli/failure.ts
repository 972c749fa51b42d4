import { ErrandError } from '../core/errors.ts'
import { ConfigError } from '../daemon/config/config-error.ts'
import { StateFolderLocked } from '../service/state-folder.ts'
import { EXIT, EXIT_STATUS } from './exit-status.ts'
import { neutralize } from './output/neutralize.ts'

/** How a command that failed ends: text for stderr and an exit status. */
export interface Failure {
  readonly status: number
  /** One sentence, or one line per problem of a configuration. Fit for a terminal. */
  readonly text: string
}

/** `statuses` are exceptions to what codes usually end with. */
export function describeFailure(thrown: unknown, statuses: Partial<typeof EXIT_STATUS> = {}): Failure {
  if (thrown instanceof ConfigError) return { status: EXIT.config, text: `${printable(thrown.message)}\n` }
  const error = ErrandError.from(thrown)
  const text = `errand: ${printable(error.message)}\n`
  if (error instanceof StateFolderLocked) return { status: EXIT.tempFail, text }
  return { status: statuses[error.code] ?? EXIT_STATUS[error.code], text }
}

/** Messages carry names that others chose. */
function printable(message: string): string {
  return neutralize(message, { lines: true })
}
