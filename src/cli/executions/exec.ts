import type { ExecView } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { describeFailure } from '../failure.ts'
import { readDuration, readPairs } from '../flag-values.ts'
import { foreignOutput } from '../output/foreign-output.ts'
import { printJson } from '../output/json.ts'
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

/** Runs a command inside, and resolves with its exit code, or as `errand run` would where it has none. */
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
    return tellFailure(error, flags, terminal)
  }
}

/** As for `errand run`: what is no code of the command's own tells that it was not run. */
function tellFailure(thrown: unknown, { timeout, json = false }: ExecFlags, terminal: Terminal): number {
  const error = ErrandError.from(thrown)
  const isLate = timeout !== undefined && error.code === 'deadline_exceeded'
  const text = `errand: no end of the command within ${timeout}: it may go on\n`
  terminal.stderr.write(isLate && !json ? text : describeFailure(error, { json }).text)
  if (isLate) return RUN_EXIT.timedOut
  if (error.code === 'cancelled') return RUN_EXIT.cancelled
  if (error.code !== 'command_not_found') return error.details.mayHaveArrived === true ? RUN_EXIT.lost : RUN_EXIT.failed
  return error.details.exitCode === RUN_EXIT.notExecutable ? RUN_EXIT.notExecutable : RUN_EXIT.notFound
}

function print(outcome: ExecView, raw: boolean, terminal: Terminal): void {
  for (const stream of STREAMS) {
    const output = foreignOutput(terminal[stream], { raw })
    output.write(bytesOf(outcome, stream))
    output.end()
  }
  for (const stream of STREAMS.filter((each) => outcome.truncated[each])) {
    terminal.stderr.write(`errand: only the beginning of ${stream} is here: it printed more\n`)
  }
}

function bytesOf(outcome: ExecView, stream: (typeof STREAMS)[number]): Buffer {
  const base64 = outcome[`${stream}Base64`]
  return base64 === undefined ? Buffer.from(outcome[stream]) : Buffer.from(base64, 'base64')
}
