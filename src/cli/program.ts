import { Command, CommanderError } from 'commander'
import { packageVersion } from '../daemon/package-version.ts'
import type { CommandContext } from './commands/command-context.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfig } from './commands/config.ts'
import { addContext } from './commands/context.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEvents } from './commands/events.ts'
import { addExecutions } from './commands/executions.ts'
import { addInvocations } from './commands/invocations.ts'
import { addNode } from './commands/node.ts'
import { addRepair } from './commands/repair.ts'
import { addRun } from './commands/run.ts'
import { addServe } from './commands/serve.ts'
import { addTasks } from './commands/tasks.ts'
import { addToken } from './commands/token.ts'
import { addVersion } from './commands/version.ts'
import { EXIT } from './exit-status.ts'
import { neutralize } from './output/neutralize.ts'
import type { OpenDaemon } from './serve.ts'
import type { Terminal } from './terminal.ts'
import { refuseUnknown } from './unknown-command.ts'

/** In the order of the help. What a command does is loaded when it runs: see the files of its kind. */
const COMMANDS: readonly ((program: Command, context: CommandContext) => void)[] = [
  addServe,
  addRun,
  addExecutions,
  addEvents,
  addTasks,
  addInvocations,
  addNode,
  addDoctor,
  addConfig,
  addContext,
  addToken,
  addRepair,
  addCompletion,
  addVersion,
]

/** Runs one command line, without the program's name. Resolves with the exit status; never rejects. */
export async function runCommand(args: readonly string[], openDaemon: OpenDaemon, terminal: Terminal): Promise<number> {
  const run = { status: EXIT.ok as number, json: false }
  const end = (status: number) => {
    run.status = status
  }
  try {
    const program = makeProgram({ terminal, openDaemon, end })
    program.hook('preAction', (_program, command) => {
      run.json = command.opts<{ json?: boolean }>().json === true
    })
    refuseUnknown(program, args)
    await program.parseAsync(args, { from: 'user' })
    return run.status
  } catch (error) {
    // Commander has printed what is wrong with the command line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    const { describeFailure } = await import('./failure.ts')
    const failure = describeFailure(error, { json: run.json })
    terminal.stderr.write(failure.text)
    return failure.status
  }
}

function makeProgram(context: CommandContext): Command {
  const { stdout, stderr } = context.terminal
  const program = new Command('errand')
    .description("Runs other people's containers as warm HTTP tasks on this machine.")
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(neutralize(text, { lines: true })),
      // As all that goes wrong is told.
      outputError: (text, write) => write(text.replace(/^error: /, 'errand: ')),
      getOutHelpWidth: () => helpWidth(stdout.columns),
      getErrHelpWidth: () => helpWidth(stderr.columns),
      getOutHasColors: () => stdout.hasColors,
      getErrHasColors: () => stderr.hasColors,
    })
    .version(`errand ${packageVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'Print help of a command.')
    .addHelpText('after', EXAMPLES)
  for (const add of COMMANDS) add(program, context)
  return program
}

/** Examples are written for 80 columns, so wider help would not look better. */
function helpWidth(columns: number): number {
  return Math.min(columns, 80)
}

const EXAMPLES = `
Examples:
  errand serve                       (reads /etc/errand/errand.yaml if any)
  errand run alpine -- echo hello
  errand node --once
  errand config explain --json

All keys of the configuration: docs/configuration.md`
