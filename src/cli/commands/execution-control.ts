import type { Command } from 'commander'
import type { ExecFlags } from '../executions/exec.ts'
import type { CancelFlags, OneFlags, RemoveFlags } from '../executions/flags.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'
import { collect } from './task-flags.ts'
import { wordsAfter } from './words.ts'

// The commands that do something to executions.

export function addCancel(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('cancel <id...>').description('End executions: SIGTERM, then SIGKILL.'))
    .option('--grace <time>', 'how long they have to end by themselves')
    .option('--no-wait', 'do not wait for their end')
    .option('--json', 'print records')
    .addHelpText(
      'after',
      '\nExamples:\n  errand cancel train-1\n  errand cancel --grace 0s train-1 train-2\n  errand ps -q | xargs errand cancel',
    )
    .action(async (ids: readonly string[], flags: CancelFlags) => {
      const { cancel } = await import('../executions/control.ts')
      await cancel(ids, flags, terminal)
    })
}

export function addFreeze(
  program: Command,
  { terminal }: CommandContext,
  name: 'freeze' | 'thaw',
  description: string,
): void {
  withDaemonFlags(program.command(`${name} <id...>`).description(description))
    .option('--json', 'print records')
    .addHelpText('after', FREEZE_EXAMPLES)
    .action(async (ids: readonly string[], flags: OneFlags) => {
      const { freeze } = await import('../executions/control.ts')
      await freeze(name === 'freeze' ? 'pause' : 'resume', ids, flags, terminal)
    })
}

export function addExec(program: Command, { terminal, end }: CommandContext): void {
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

export function addRemove(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('rm <id...>').description('Forget executions, with their output.'))
    .option('-f, --force', 'those that have not ended, too: they are ended')
    .option('--json', 'print lines of JSON')
    .addHelpText('after', '\nExamples:\n  errand rm train-1\n  errand ps -aq --status succeeded | xargs errand rm')
    .action(async (ids: readonly string[], flags: RemoveFlags) => {
      const { remove } = await import('../executions/control.ts')
      await remove(ids, flags, terminal)
    })
}

const FREEZE_EXAMPLES = `
Examples:
  errand freeze train-1
  errand thaw train-1

What is frozen keeps its memory and its lease, uses no processor, and is
"paused" in lists. Its time goes on. errand pause is for the node.`

const EXEC_EXAMPLES = `
Examples:
  errand exec train-1 -- ps aux
  errand exec -e LANG=C -w /work --timeout 30s train-1 -- du -s .

The exit status is that of the command; 124 it took too long. Of each stream the
first MiB is shown, once the command has ended.`
