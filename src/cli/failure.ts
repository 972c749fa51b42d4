import { ErrandError } from '../core/errors.ts'
import { ConfigError } from '../daemon/config/config-error.ts'
import { StateFolderLocked } from '../service/state-folder.ts'
import { EXIT, EXIT_STATUS } from './exit-status.ts'

/** How a command that failed ends: text for stderr and an exit status. */
export interface Failure {
  readonly status: number
  /** One sentence, or one line per problem of a configuration. */
  readonly text: string
}

export function describeFailure(thrown: unknown): Failure {
  if (thrown instanceof ConfigError) return { status: EXIT.config, text: `${thrown.message}\n` }
  const error = ErrandError.from(thrown)
  const text = `errand: ${error.message}\n`
  return { status: error instanceof StateFolderLocked ? EXIT.tempFail : EXIT_STATUS[error.code], text }
}
