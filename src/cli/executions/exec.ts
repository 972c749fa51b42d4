import type { ExecView } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { readDuration, readPairs } from '../flag-values.ts'
import { foreignOutput } from '../output/foreign-output.ts'
import { printJson } from '../output/json.ts'
import { jsonError } from '../output/json-error.ts'
import { RUN_EXIT } from '../run/run-status.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import type { OneFlags } from './flags.ts'

export interface ExecFlags extends OneFlags {
  readonly env?: readonly string[]
  readonly workdir?: string
  readonly user?: string
  readonly timeout?: string
  readonly raw?: boolean
}

const STREAMS = ['stdout', 'stderr'] as const
type Stream = (typeof STREAMS)[number]
/** The exact bytes of a stream, where they are no UTF-8. */
type Outcome = ExecView & { readonly [Name in `${Stream}Base64`]?: string }

/** Runs a command inside, and resolves with its exit code; with that of a time-out where it took too long. */
export async function execInside(
  id: string,
  command: readonly string[],
  flags: ExecFlags,
  terminal: Terminal,
): Promise<number> {
  const { env, workdir, user, timeout } = flags
  const options = {
    ...(env !== undefined && { env: readPairs('--env', env) }),
    ...(workdir !== undefined && { workingDir: workdir }),
    ...(user !== undefined && { user }),
    ...(timeout !== undefined && { timeoutMs: readDuration('--timeout', timeout) }),
  }
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  try {
    return await withClient(flags, terminal, async ({ executions }) => {
      const outcome = await executions.exec(id, command, { ...options, signal: signals.signal })
      if (flags.json === true) printJson(terminal.stdout, outcome)
      else print(outcome, flags.raw === true, terminal)
      return outcome.exitCode
    })
  } catch (error) {
    if (timeout === undefined || !(error instanceof ErrandError) || error.code !== 'deadline_exceeded') throw error
    const text = `errand: no end of the command within ${timeout}: it may go on\n`
    terminal.stderr.write(flags.json === true ? jsonError(error) : text)
    return RUN_EXIT.timedOut
  }
}

function print(outcome: Outcome, raw: boolean, terminal: Terminal): void {
  for (const stream of STREAMS) {
    const output = foreignOutput(terminal[stream], { raw })
    output.write(bytesOf(outcome, stream))
    output.end()
  }
  for (const stream of STREAMS.filter((each) => outcome.truncated[each])) {
    terminal.stderr.write(`errand: only the beginning of ${stream} is here: it printed more\n`)
  }
}

function bytesOf(outcome: Outcome, stream: Stream): Buffer {
  const base64 = outcome[`${stream}Base64`]
  return base64 === undefined ? Buffer.from(outcome[stream]) : Buffer.from(base64, 'base64')
}
