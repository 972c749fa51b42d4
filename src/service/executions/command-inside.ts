import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { MIB } from '../../core/resources.ts'
import { Deadline } from '../../core/wait.ts'
import type { ExecCommand, OutputChunk } from '../../engine/engine.ts'
import type { ExecOutcome } from '../executor.ts'
import type { Execution } from './execution.ts'

/** Kept of each stream, from its beginning. */
const KEPT_BYTES = MIB
/** What the profile promises of every process: never root. */
const STRICT_USER = /^[1-9][0-9]*(?::[1-9][0-9]*)?$/

export interface InsideCommand extends ExecCommand {
  /** How long it may take. Default: as long as its caller waits. */
  readonly timeoutMs?: number
}

export interface InsideOutcome extends ExecOutcome {
  /** Whether more was printed than is told here. */
  readonly truncated: { readonly stdout: boolean; readonly stderr: boolean }
}

/**
 * Runs a command inside a running execution to its end, and keeps the beginning of what it prints, however much that is.
 * One that is given up may go on inside.
 * @throws validation_failed; forbidden for a user whom the profile does not allow; what `Execution.instance` throws;
 * deadline_exceeded; command_not_found; unsupported; signal.reason
 */
export async function commandInside(
  execution: Execution,
  { timeoutMs, ...command }: InsideCommand,
  clock: Clock,
  parent: AbortSignal,
): Promise<InsideOutcome> {
  const { argv, user } = command
  const isCommand = argv.length > 0 && argv[0] !== '' && !argv.some((word) => word.includes('\0'))
  if (!isCommand) throw new ErrandError('validation_failed', 'argv: must name a command, and hold no NUL')
  if (execution.profile === 'strict' && user !== undefined && !STRICT_USER.test(user)) {
    throw new ErrandError('forbidden', 'user: under the profile strict it must be numeric, and not 0')
  }
  const { instance } = execution
  const [stdout, stderr] = [new Beginning(), new Beginning()]
  const onChunk = ({ stream, data }: OutputChunk): void => (stream === 'stdout' ? stdout : stderr).push(data)
  const tooLate = (): ErrandError =>
    new ErrandError('deadline_exceeded', `the command has not ended within ${timeoutMs} ms; it may go on inside`)
  using deadline = timeoutMs === undefined ? undefined : new Deadline(clock, timeoutMs, tooLate, parent)
  const { exitCode } = await instance.exec(command, onChunk, deadline?.signal ?? parent)
  const truncated = { stdout: stdout.isTruncated, stderr: stderr.isTruncated }
  return { exitCode, stdout: stdout.text, stderr: stderr.text, truncated }
}

class Beginning {
  readonly #chunks: Buffer[] = []
  #bytes = 0
  isTruncated = false

  get text(): string {
    return Buffer.concat(this.#chunks).toString()
  }

  push(data: Buffer): void {
    const kept = data.subarray(0, KEPT_BYTES - this.#bytes)
    this.isTruncated ||= kept.length < data.length
    if (kept.length === 0) return
    this.#bytes += kept.length
    this.#chunks.push(kept)
  }
}
