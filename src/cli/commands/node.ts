import type { Command } from 'commander'
import type { ControlFlags, DrainFlags } from '../node/control.ts'
import type { GrantFlags } from '../node/grant.ts'
import type { NodeFlags } from '../node/show-node.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'

/** Adds the commands on the node itself. */
export function addNode(program: Command, context: CommandContext): void {
  addShow(program, context)
  addControl(program, context, 'pause', 'Refuse new work; executions run on.', PAUSE_EXAMPLES)
  addControl(program, context, 'unpause', 'Take work again.', UNPAUSE_EXAMPLES)
  addDrain(program, context)
}

function addShow(program: Command, { terminal }: CommandContext): void {
  const node = withDaemonFlags(program.command('node').description('Show what the node offers and uses, live.'))
    // What follows `set` is its own.
    .enablePositionalOptions()
    .option('--once', 'print it once')
    .option('--json', 'print JSON, once')
    .addHelpText('after', NODE_EXAMPLES)
    .action(async (flags: NodeFlags) => {
      const { showNode } = await import('../node/show-node.ts')
      await showNode(flags, terminal)
    })
  withDaemonFlags(node.command('set').description('Grant more or less, until the daemon is started again.'))
    .option('--cpu <cores>', 'for all work together, such as 1.5')
    .option('--mem <size>', 'for all work together, such as 4GiB')
    .option('--keep-alive <time>', 'how long an idle instance stays, such as 5m')
    .option('--json', 'print JSON')
    .addHelpText('after', SET_EXAMPLES)
    .action(async (flags: GrantFlags) => {
      const { changeGrant } = await import('../node/grant.ts')
      await changeGrant(flags, terminal)
    })
}

function addControl(
  program: Command,
  { terminal }: CommandContext,
  verb: 'pause' | 'unpause',
  description: string,
  examples: string,
): void {
  withDaemonFlags(program.command(verb).description(description))
    .option('--json', 'print the node as JSON')
    .addHelpText('after', examples)
    .action(async (flags: ControlFlags) => {
      const { control } = await import('../node/control.ts')
      await control(verb, flags, terminal)
    })
}

function addDrain(program: Command, { terminal }: CommandContext): void {
  withDaemonFlags(program.command('drain').description('Refuse new work, and wait until all of it has ended.'))
    .option('--timeout <time>', 'give up waiting after that, with 75')
    .option('--json', 'print the node as JSON')
    .addHelpText('after', DRAIN_EXAMPLES)
    .action(async (flags: DrainFlags) => {
      const { drain } = await import('../node/control.ts')
      await drain(flags, terminal)
    })
}

const NODE_EXAMPLES = `
Examples:
  errand node
  errand node --once
  errand node --json`

const SET_EXAMPLES = `
Examples:
  errand node set --cpu 1.5 --mem 4GiB
  errand node set --keep-alive 5m

What runs goes on, whatever it has; new work waits until it fits.`

const PAUSE_EXAMPLES = `
Examples:
  errand pause && errand node set --cpu 2 && errand unpause

Ends when the requests under way are answered and no warm instance is left.
For executions there is errand freeze.`

const UNPAUSE_EXAMPLES = `
Examples:
  errand unpause`

const DRAIN_EXAMPLES = `
Examples:
  errand drain
  errand drain --timeout 10m && systemctl stop errand

Work is refused from the first moment on, also after a time-out or Ctrl-C:
errand unpause takes that back.`
