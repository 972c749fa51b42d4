import { type Command, Option } from 'commander'
import type { ExecFlags } from '../executions/exec.ts'
import type { ListFlags, LogFlags, OneFlags, WaitFlags } from '../executions/execution-commands.ts'
import type { LiveFlags } from '../live.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'
import { collect } from './task-flags.ts'
import { wordsAfter } from './words.ts'

/** Adds the commands that look after executions. */
export function addExecutions(program: Command, context: CommandContext): void {
  addList(program, context)
  addLogs(program, context)
  addWait(program, context)
  addCancel(program, context)
  addInspect(program, context)
  addExec(program, context)
  addStats(program, context)
  addRemove(program, context)
}

function addList(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('ps').description('List executions that have not ended.'))
    .option('-a, --all', 'those that have ended, too')
    .option('-s, --status <status...>', 'those with this status')
    .option('-n, --limit <count>', 'at most so many, the youngest', '50')
    .option('-q, --quiet', 'print ids alone')
    .option('--json', 'print lines of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  errand ps\n  errand ps -a --status failed timed_out\n  errand ps -q | xargs errand cancel',
    )
    .action(async (flags: ListFlags) => {
      const { listExecutions } = await import('../executions/list.ts')
      await listExecutions(flags, terminal)
    })
}

function addLogs(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('logs <id>').description('Print the output of an execution.'))
    .option('-f, --follow', 'go on until it has ended')
    .option('-n, --tail <lines>', 'the last so many lines')
    .option('--since <SEQ|TIME>', 'after that line, or from that time on (RFC 3339)')
    .addOption(new Option('--stream <stream>', 'this one alone').choices(['stdout', 'stderr']))
    .option('--raw', 'on a terminal, too, print it as it is')
    .option('--json', 'lines of JSON, with times')
    .addHelpText('after', '\nExamples:\n  errand logs -f train-1\n  errand logs --tail 100 --stream stderr train-1')
    .action(async (id: string, flags: LogFlags) => {
      const { showLogs } = await import('../executions/execution-commands.ts')
      await showLogs(id, flags, terminal)
    })
}

function addWait(program: Command, { terminal, end }: CommandContext): void {
  withDaemonFlags(program.command('wait <id>').description('Wait for the end of an execution, and end as it did.'))
    .option('--timeout <time>', 'give up after that, with 75')
    .option('--json', 'print its record')
    .addHelpText('after', '\nExamples:\n  errand wait train-1 && echo done\n  errand wait --timeout 10m train-1')
    .action(async (id: string, flags: WaitFlags) => {
      const { waitFor } = await import('../executions/execution-commands.ts')
      end(await waitFor(id, flags, terminal))
    })
}

function addCancel(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('cancel <id...>').description('End executions: SIGTERM, then SIGKILL.'))
    .option('--grace <time>', 'how long it has to end by itself')
    .addHelpText('after', '\nExamples:\n  errand cancel train-1\n  errand cancel --grace 0s train-1 train-2')
    .action(async (ids: readonly string[], flags: OneFlags & { readonly grace?: string }) => {
      const { cancel } = await import('../executions/execution-commands.ts')
      await cancel(ids, flags, terminal)
    })
}

function addInspect(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('inspect <id>').description('Print everything that is known of an execution.'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand inspect train-1\n  errand inspect --json train-1')
    .action(async (id: string, flags: OneFlags) => {
      const { inspect } = await import('../executions/inspect.ts')
      await inspect(id, flags, terminal)
    })
}

function addExec(program: Command, { terminal, end }: CommandContext): void {
  withDaemonFlags(program.command('exec <id> <command...>').description('Run a command inside a running execution.'))
    .option('-e, --env <NAME=VALUE>', "environment, beside the execution's own", collect)
    .option('-w, --workdir <path>', 'where the command runs')
    .option('-u, --user <user>', 'who it runs as: USER or USER:GROUP')
    .option('--timeout <time>', 'give up on it after that, such as 30s')
    .option('--raw', 'on a terminal, too, print the output as it is')
    .option('--json', 'print exit code and output as JSON')
    .passThroughOptions()
    .addHelpText('after', EXEC_EXAMPLES)
    .action(async (id: string, command: readonly string[], flags: ExecFlags) => {
      const { execInside } = await import('../executions/exec.ts')
      end(await execInside(id, wordsAfter(command), flags, terminal))
    })
}

function addStats(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('stats [id...]').description('Show what running executions use, live.'))
    .option('--once', 'print it once')
    .option('--json', 'print lines of JSON, once')
    .addHelpText('after', '\nExamples:\n  errand stats\n  errand stats --once train-1')
    .action(async (ids: readonly string[], flags: OneFlags & LiveFlags) => {
      const { showStats } = await import('../executions/stats.ts')
      await showStats(ids, flags, terminal)
    })
}

function addRemove(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('rm <id...>').description('Forget executions, with their output.'))
    .option('-f, --force', 'those that have not ended, too: they are ended')
    .addHelpText('after', '\nExamples:\n  errand rm train-1\n  errand ps -aq --status succeeded | xargs errand rm')
    .action(async (ids: readonly string[], flags: OneFlags & { readonly force?: boolean }) => {
      const { remove } = await import('../executions/execution-commands.ts')
      await remove(ids, flags, terminal)
    })
}

const EXEC_EXAMPLES = `
Examples:
  errand exec train-1 -- ps aux
  errand exec -e LANG=C -w /work --timeout 30s train-1 -- du -s .

The exit status is that of the command; 124 it took too long. Of each stream the
first MiB is shown, once the command has ended.`
