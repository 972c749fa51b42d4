import { type Command, Option } from 'commander'
import type { ListFlags, LogFlags, OneFlags, OutputFlags } from '../executions/flags.ts'
import type { LiveFlags } from '../live.ts'
import type { WaitFlags } from '../wait-for-each.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'
import { addCancel, addExec, addFreeze, addRemove } from './execution-control.ts'
import { collect } from './task-flags.ts'

/** Adds the commands that look after executions. */
export function addExecutions(program: Command, context: CommandContext): void {
  addList(program, context)
  addLogs(program, context)
  addOutputs(program, context)
  addWait(program, context)
  addCancel(program, context)
  addFreeze(program, context, 'freeze', 'Freeze the processes of executions.')
  addFreeze(program, context, 'thaw', 'Let frozen executions go on.')
  addInspect(program, context)
  addExec(program, context)
  addStats(program, context)
  addRemove(program, context)
}

function addList(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('ps').description('List executions that have not ended.'))
    .option('-a, --all', 'those that have ended, too')
    .option('-s, --status <status...>', 'those with this status')
    .option('-f, --filter <KEY=VALUE>', 'status=, label=NAME=VALUE or job=', collect)
    .option('-n, --limit <count>', 'at most so many, the youngest; on a terminal 50')
    .option('-q, --quiet', 'print ids alone')
    .option('--json', 'print lines of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  errand ps\n  errand ps -a --status failed timed_out\n  errand ps -a --filter label=team=vision --filter job=nightly\n  errand ps -q | xargs errand cancel',
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
    .option(
      '--since <SEQ|TIME|AGO>',
      'after that line, from that time on (RFC 3339),\nor from so long ago, such as 10m',
    )
    .addOption(new Option('--stream <stream>', 'this one alone').choices(['stdout', 'stderr']))
    .option('-t, --timestamps', 'with the time before each line')
    .option('--raw', 'on a terminal, too, print it as it is')
    .option('--json', 'lines of JSON, with times')
    .addHelpText(
      'after',
      '\nExamples:\n  errand logs -f train-1\n  errand logs -t --since 10m train-1\n  errand logs --tail 100 --stream stderr train-1',
    )
    .action(async (id: string, flags: LogFlags) => {
      const { showLogs } = await import('../executions/logs.ts')
      await showLogs(id, flags, terminal)
    })
}

function addOutputs(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('outputs <id> [path]').description('Bring the results of an execution here.'))
    .option('-o, --output <folder>', 'where to, instead of the current one; or a\nFILE; - for stdout')
    .option('--raw', 'on a terminal, too, print bytes as they are')
    .option('--json', 'print where they are as JSON')
    .addHelpText('after', OUTPUTS_EXAMPLES)
    .action(async (id: string, path: string | undefined, flags: OutputFlags) => {
      const { bringOutputs } = await import('../executions/outputs.ts')
      await bringOutputs(id, path, flags, terminal)
    })
}

function addWait(program: Command, { terminal, end }: CommandContext): void {
  withDaemonFlags(program.command('wait <id...>').description('Wait for the end of executions, and end as they did.'))
    .option('--timeout <time>', 'give up after that, with 75')
    .option('--json', 'print records')
    .addHelpText(
      'after',
      '\nExamples:\n  errand wait train-1 && echo done\n  errand wait --timeout 10m train-1 train-2',
    )
    .action(async (ids: readonly string[], flags: WaitFlags) => {
      const { waitFor } = await import('../executions/wait.ts')
      end(await waitFor(ids, flags, terminal))
    })
}

function addInspect(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('inspect <id...>').description('Print everything that is known of executions.'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand inspect train-1\n  errand inspect --json train-1')
    .action(async (ids: readonly string[], flags: OneFlags) => {
      const { inspect } = await import('../executions/inspect.ts')
      await inspect(ids, flags, terminal)
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

const OUTPUTS_EXAMPLES = `
Examples:
  errand outputs train-1                          (all of them, by their names)
  errand outputs train-1 model/weights.bin -o weights.bin
  errand outputs train-1 model -o results         (as results/model)
  errand outputs train-1 -o - | tar -t

A path begins with the name of an output, which is the last part of where the
execution left it. Nothing that is here is replaced: 73.`
