import type { Command } from 'commander'
import type { EventFlags } from '../watch-events.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'

export function addEvents(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('events').description('Print what becomes of executions, as it happens.'))
    .option('--since <seq>', 'begin after that event, as far as it is kept')
    .option('--json', 'print lines of JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: EventFlags) => {
      const { watchEvents } = await import('../watch-events.ts')
      await watchEvents(flags, terminal)
    })
}

const EXAMPLES = `
Examples:
  errand events
  errand events --since 0 --json

Goes on until Ctrl-C, also when the daemon is started again.`
