import type { Command } from 'commander'
import type { ConfigFlags } from '../../daemon/config/flags.ts'
import type { CommandContext } from './command-context.ts'
import { withConfigFlags } from './config-flags.ts'

export function addRepair(program: Command, { terminal }: CommandContext): void {
  withConfigFlags(
    program.command('repair').description('Make a damaged journal usable again; the daemon must not run.'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ConfigFlags & { readonly json?: boolean }) => {
      const { runRepair } = await import('../repair.ts')
      await runRepair(flags, terminal)
    })
}

const EXAMPLES = `
Examples:
  errand repair --config node.yaml
  errand repair --state-dir /var/lib/errand --json

Puts a copy of the damaged file aside, keeps what can be read of it, and makes
records for containers that have none from their labels. Says what is lost.
Exit status: 0 repaired or sound, 69 no container engine, 74 storage cannot be
used, 75 a daemon is at work, 78 wrong configuration.`
