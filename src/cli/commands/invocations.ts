import type { Command } from 'commander'
import type { ContextFlags } from '../context/resolve-context.ts'
import type { InvocationFlags } from '../invocations/invocation-commands.ts'
import type { ListingFlags } from '../listing.ts'
import type { AnswerFlags } from '../tasks/print-answer.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'

/** Adds the commands on requests that are answered later: `errand invoke --async`. */
export function addInvocations(program: Command, context: CommandContext): void {
  const invocations = program
    .command('invocations')
    .description('Look after requests that are answered later.')
    .configureHelp({ subcommandTerm: (command) => command.name() })
  addList(invocations, context)
  addGet(invocations, context)
  addWait(invocations, context)
  addResponse(invocations, context)
  addRemove(invocations, context)
}

function addList(invocations: Command, { terminal }: CommandContext): void {
  withDaemonFlags(invocations.command('list', { isDefault: true }).alias('ls').description('List them; the default.'))
    .option('-n, --limit <count>', 'at most so many, the youngest; on a terminal 50')
    .option('-q, --quiet', 'print ids alone')
    .option('--json', 'print lines of JSON')
    .addHelpText('after', '\nExamples:\n  errand invocations\n  errand invocations list --json')
    .action(async (flags: ContextFlags & ListingFlags) => {
      const { listInvocations } = await import('../invocations/invocation-commands.ts')
      await listInvocations(flags, terminal)
    })
}

function addGet(invocations: Command, { terminal }: CommandContext): void {
  withDaemonFlags(invocations.command('get <id...>').description('Print what is known of them.'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand invocations get 4f1c09a2\n  errand invocations get --json 4f1c09a2')
    .action(async (ids: readonly string[], flags: InvocationFlags) => {
      const { showInvocations } = await import('../invocations/invocation-commands.ts')
      await showInvocations(ids, flags, terminal)
    })
}

function addWait(invocations: Command, { terminal, end }: CommandContext): void {
  withDaemonFlags(invocations.command('wait <id...>').description('Wait until they have ended.'))
    .option('--timeout <time>', 'give up after that, with 75')
    .option('--json', 'print records')
    .addHelpText('after', WAIT_EXAMPLES)
    .action(async (ids: readonly string[], flags: InvocationFlags & { readonly timeout?: string }) => {
      const { waitForInvocations } = await import('../invocations/invocation-commands.ts')
      end(await waitForInvocations(ids, flags, terminal))
    })
}

function addResponse(invocations: Command, { terminal, end }: CommandContext): void {
  withDaemonFlags(invocations.command('response <id>').description('Print what the task has answered.'))
    .option('-i, --include', 'print status and headers, too')
    .option('--raw', 'on a terminal, too, print the answer as it is')
    .option('--json', 'print status, headers and body as JSON')
    .addHelpText('after', RESPONSE_EXAMPLES)
    .action(async (id: string, flags: ContextFlags & AnswerFlags) => {
      const { showResponse } = await import('../invocations/invocation-commands.ts')
      end(await showResponse(id, flags, terminal))
    })
}

function addRemove(invocations: Command, { terminal }: CommandContext): void {
  withDaemonFlags(invocations.command('rm <id...>').description('Forget them, with their answers.'))
    .option('-f, --force', 'those that have not ended, too: they are broken off')
    .option('--json', 'print lines of JSON')
    .addHelpText('after', '\nExamples:\n  errand invocations rm 4f1c09a2\n  errand invocations rm --force 4f1c09a2')
    .action(async (ids: readonly string[], flags: InvocationFlags & { readonly force?: boolean }) => {
      const { removeInvocations } = await import('../invocations/invocation-commands.ts')
      await removeInvocations(ids, flags, terminal)
    })
}

const WAIT_EXAMPLES = `
Examples:
  errand invocations wait 4f1c09a2 && errand invocations response 4f1c09a2
  errand invocations wait --timeout 10m 4f1c09a2 5a2d1bc3

The exit status is that of errand invoke; 75 also for one of which nobody can
know what became of it.`

const RESPONSE_EXAMPLES = `
Examples:
  errand invocations response 4f1c09a2 > report.json
  errand invocations response -i 4f1c09a2

The exit status is that of errand invoke.`
