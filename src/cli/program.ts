import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { describeValues, explain } from '../daemon/config/explain.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { EXIT } from './exit-status.ts'
import { describeFailure } from './failure.ts'
import { runRepair } from './repair.ts'
import { type OpenDaemon, serve } from './serve.ts'
import type { Terminal } from './terminal.ts'
import { addTokenCommands } from './token.ts'

/** Runs one command line, without the program's name. Resolves with the exit status; never rejects. */
export async function runCommand(args: readonly string[], open: OpenDaemon, terminal: Terminal): Promise<number> {
  const run = { status: EXIT.ok as number }
  try {
    await makeProgram(run, open, terminal).parseAsync(args, { from: 'user' })
    return run.status
  } catch (error) {
    // Commander has printed what is wrong with the command line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    const failure = describeFailure(error)
    terminal.stderr(failure.text)
    return failure.status
  }
}

function makeProgram(run: { status: number }, open: OpenDaemon, terminal: Terminal): Command {
  const program = new Command('errand')
    .description("Runs other people's containers as warm HTTP tasks on this machine.")
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.stdout(text), writeErr: (text) => terminal.stderr(text) })
    .version(`errand ${packageVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'Print help of a command.')
    .addHelpText('after', PROGRAM_EXAMPLES)

  withConfigFlags(program.command('serve').description('Run the daemon in the foreground.'))
    .addOption(new Option('--enable-faults', 'heed ERRAND_FAULT: for tests of crashes').hideHelp())
    .addHelpText('after', SERVE_EXAMPLES)
    .action(async (flags: ConfigFlags) => {
      run.status = await serve(flags, open, terminal)
    })

  const config = program.command('config').description('Look at the configuration.')
  withConfigFlags(config.command('explain').description('Print each effective value and where it comes from.'))
    .option('--json', 'print JSON')
    .addHelpText('after', EXPLAIN_EXAMPLES)
    .action(({ json, ...flags }: ConfigFlags & { json?: boolean }) => {
      const { values } = loadConfig(flags, terminal.host)
      terminal.stdout(json === true ? `${JSON.stringify(explain(values), null, 2)}\n` : describeValues(values))
    })

  addTokenCommands(program, terminal)

  withConfigFlags(
    program.command('repair').description('Make a damaged journal usable again; the daemon must not run.'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', REPAIR_EXAMPLES)
    .action((flags: ConfigFlags & { json?: boolean }) => runRepair(flags, terminal))

  program
    .command('version')
    .description('Print the versions of Errand and Node.js.')
    .action(() => terminal.stdout(`errand ${packageVersion()} (Node.js ${process.version})\n`))
  return program
}

/** Commander's options become `ConfigFlags` by their names. */
function withConfigFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (YAML)')
    .option('-l, --listen <address...>', 'HOST:PORT or unix:/PATH, instead of those\nof the file')
    .option('--state-dir <folder>', 'what must survive a restart')
    .option('--run-dir <folder>', 'sockets')
    .option('--node <name>', "this node's name")
    .option('--docker-host <url>', 'unix:///PATH of the Docker Engine')
    .option('--cpu <cores>', 'cores offered to tasks')
    .option('--mem <MB>', 'memory offered to tasks')
    .option('--log-level <level>', 'debug, info, warn or error')
    .option('-s, --set <KEY=VALUE...>', 'any key of the configuration')
}

/** Two folders up from here is the package, in a checkout (src/cli) and in the published package (dist/cli). */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

const PROGRAM_EXAMPLES = `
Examples:
  errand serve                       (reads /etc/errand/errand.yaml if any)
  errand serve --config node.yaml
  errand config explain --json

All keys of the configuration: docs/configuration.md`

const SERVE_EXAMPLES = `
Examples:
  errand serve --cpu 2 --mem 2048
  errand serve --listen 127.0.0.1:2591 unix:/run/errand/errand.sock
  errand serve --set tasks.concurrency=4 --set log.access=true

Flags win over environment (ERRAND_CPU=2), which wins over the file.
Exit status: 0 stopped as asked, 64 wrong command line, 69 no container engine,
network or free address, 70 our own fault, 74 state folder unusable, 75 state
folder in use by another daemon, 77 address not permitted, 78 wrong
configuration; 128 + N after a second signal N.`

const REPAIR_EXAMPLES = `
Examples:
  errand repair --config node.yaml
  errand repair --state-dir /var/lib/errand --json

Puts a copy of the damaged file aside, keeps what can be read of it, and makes
records for containers that have none from their labels. Says what is lost.
Exit status: 0 repaired or sound, 69 no container engine, 74 storage cannot be
used, 75 a daemon is at work, 78 wrong configuration.`

const EXPLAIN_EXAMPLES = `
Examples:
  errand config explain
  errand config explain --config node.yaml --json`
