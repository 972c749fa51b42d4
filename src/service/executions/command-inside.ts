import { isUtf8 } from 'node:buffer'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { MIB } from '../../core/resources.ts'
import { Deadline } from '../../core/wait.ts'
import type { ExecCommand, OutputChunk } from '../../engine/engine.ts'
import type { ExecOutcome } from '../executor.ts'
import type { Execution } from './execution.ts'

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

/** What is kept of each stream, from its beginning. */
export interface InsideLimit {
  readonly bytes: number
  /** Whether a command that prints more on one of them is given up; otherwise the rest is read, and not kept. */
  readonly isHard: boolean
}

/** For those who wait for an answer over HTTP. */
export const ANSWER_LIMIT: InsideLimit = { bytes: MIB, isHard: false }
/** For those who hold it in their own memory. */
export const OWN_LIMIT: InsideLimit = { bytes: 16 * MIB, isHard: true }

/**
 * Runs a command inside a running execution to its end. One that is given up may go on inside.
 * @throws validation_failed; forbidden for a user whom the profile does not allow; not_ready while it is frozen; what
 * `Execution.instance` throws; deadline_exceeded; response_too_large; command_not_found; unsupported; signal.reason
 */
export async function commandInside(
  execution: Execution,
  { timeoutMs, ...command }: InsideCommand,
  limit: InsideLimit,
  clock: Clock,
  parent: AbortSignal,
): Promise<InsideOutcome> {
  check(execution, command)
  const { instance } = execution
  const tooMuch = new AbortController()
  const onBeyond = (): void => {
    const message = `the command printed more than ${limit.bytes} bytes`
    if (limit.isHard) tooMuch.abort(new ErrandError('response_too_large', message))
  }
  const [stdout, stderr] = [new Beginning(limit.bytes, onBeyond), new Beginning(limit.bytes, onBeyond)]
  const onChunk = ({ stream, data }: OutputChunk): void => (stream === 'stdout' ? stdout : stderr).push(data)
  const tooLate = (): ErrandError =>
    new ErrandError('deadline_exceeded', `the command has not ended within ${timeoutMs} ms; it may go on inside`)
  using deadline = timeoutMs === undefined ? undefined : new Deadline(clock, timeoutMs, tooLate, parent)
  const signal = AbortSignal.any([deadline?.signal ?? parent, tooMuch.signal])
  const { exitCode } = await instance.exec(command, onChunk, signal)
  const [out, err] = [stdout.told(), stderr.told()]
  return {
    exitCode,
    stdout: out.text,
    stderr: err.text,
    ...(out.base64 !== undefined && { stdoutBase64: out.base64 }),
    ...(err.base64 !== undefined && { stderrBase64: err.base64 }),
    truncated: { stdout: stdout.isTruncated, stderr: stderr.isTruncated },
  }
}

function check({ profile, record }: Execution, { argv, user }: ExecCommand): void {
  const isCommand = argv.length > 0 && argv[0] !== '' && !argv.some((word) => word.includes('\0'))
  if (!isCommand) throw new ErrandError('validation_failed', 'argv: must name a command, and hold no NUL')
  if (profile === 'strict' && user !== undefined && !STRICT_USER.test(user)) {
    throw new ErrandError('forbidden', 'user: under the profile strict it must be numeric, and not 0')
  }
  // An engine would say so in words of its own, or have the command wait.
  if (record.status === 'paused') {
    throw new ErrandError('not_ready', `execution ${record.value.executionId} is frozen: let it go on first`)
  }
}

class Beginning {
  readonly #keptBytes: number
  readonly #onBeyond: () => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  isTruncated = false

  constructor(keptBytes: number, onBeyond: () => void) {
    this.#keptBytes = keptBytes
    this.#onBeyond = onBeyond
  }

  /** As text, and the bytes themselves where they are none. */
  told(): { readonly text: string; readonly base64?: string } {
    const bytes = Buffer.concat(this.#chunks)
    const whole = this.isTruncated ? withoutCutCharacter(bytes) : bytes
    if (isUtf8(whole)) return { text: whole.toString() }
    return { text: bytes.toString(), base64: bytes.toString('base64') }
  }

  push(data: Buffer): void {
    const kept = data.subarray(0, this.#keptBytes - this.#bytes)
    if (kept.length < data.length) {
      this.isTruncated = true
      this.#onBeyond()
    }
    if (kept.length === 0) return
    this.#bytes += kept.length
    this.#chunks.push(kept)
  }
}

/** A character of UTF-8 has four bytes at most: the last one may have been cut. */
function withoutCutCharacter(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte >= 0x80 && byte < 0xc0) continue
    return lengthAfter(byte) > back ? bytes.subarray(0, -back) : bytes
  }
  return bytes
}

/** How many bytes a character has that begins with this one. */
function lengthAfter(first: number): number {
  if (first >= 0xf0) return 4
  if (first >= 0xe0) return 3
  return first >= 0xc0 ? 2 : 1
}
