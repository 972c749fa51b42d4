import { ErrandError } from '../../core/errors.ts'
import { jsonLines } from './json.ts'

/** What stderr gets of a command with `--json` that failed: one line, with what a program can tell failures apart by. */
export function jsonError(thrown: unknown): string {
  const { code, message, details } = ErrandError.from(thrown)
  return jsonLines([{ error: { code, message, details } }])
}
