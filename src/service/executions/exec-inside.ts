import { ErrandError } from '../../core/errors.ts'
import { MIB } from '../../core/resources.ts'
import type { OutputChunk } from '../../engine/engine.ts'
import type { ExecOutcome } from '../executor.ts'
import type { Execution } from './execution.ts'

const MOST_OUTPUT_BYTES = 16 * MIB

/** Runs a command inside a running execution and keeps what it prints. */
export async function execInside(
  execution: Execution,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<ExecOutcome> {
  const isCommand = argv.length > 0 && argv[0] !== '' && !argv.some((word) => word.includes('\0'))
  if (!isCommand) throw new ErrandError('validation_failed', 'argv: must name a command, and hold no NUL')
  const tooMuch = new AbortController()
  const printed = new Printed(() =>
    tooMuch.abort(new ErrandError('response_too_large', `the command printed more than ${MOST_OUTPUT_BYTES} bytes`)),
  )
  const limited = AbortSignal.any([signal, tooMuch.signal])
  const { exitCode } = await execution.instance.exec({ argv }, (chunk) => printed.push(chunk), limited)
  return { exitCode, stdout: printed.text('stdout'), stderr: printed.text('stderr') }
}

class Printed {
  readonly #chunks: OutputChunk[] = []
  readonly #onTooMuch: () => void
  #bytes = 0

  constructor(onTooMuch: () => void) {
    this.#onTooMuch = onTooMuch
  }

  push(chunk: OutputChunk): void {
    this.#bytes += chunk.data.length
    if (this.#bytes <= MOST_OUTPUT_BYTES) this.#chunks.push(chunk)
    else this.#onTooMuch()
  }

  text(stream: OutputChunk['stream']): string {
    return Buffer.concat(this.#chunks.filter((chunk) => chunk.stream === stream).map(({ data }) => data)).toString()
  }
}
