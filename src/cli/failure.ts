import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { ConfigError } from '../daemon/config/config-error.ts'
import { StateFolderLocked } from '../service/state-folder.ts'
import { EXIT, EXIT_STATUS } from './exit-status.ts'
import { jsonError } from './output/json-error.ts'
import { neutralize } from './output/neutralize.ts'

/** How a command that failed ends: text for stderr and an exit status. */
export interface Failure {
  readonly status: number
  /** One sentence, with what a task printed before it failed; one line per problem of a configuration; or JSON. Fit for a terminal. */
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
  const text = json ? jsonError(error) : describe(error)
  if (error instanceof StateFolderLocked) return { status: EXIT.tempFail, text }
  return { status: statuses[error.code] ?? EXIT_STATUS[error.code], text }
}

function describe({ code, message, details }: ErrandError): string {
  const advice = ADVICE[code] === undefined ? '' : ` (${ADVICE[code]})`
  const { log } = details
  const printed = typeof log === 'string' && log !== '' ? `${printable(log.trimEnd())}\n` : ''
  return `errand: ${printable(message)}${advice}\n${printed}`
}

/** What a command line can do about it, where that is always the same. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'name a file with one: --token-file, ERRAND_TOKEN_FILE',
}

/** Messages carry names that others chose. */
function printable(message: string): string {
  return neutralize(message, { lines: true })
}
