import type { Command } from 'commander'
import type { ConfigFlags } from '../../daemon/config/flags.ts'
import type { CommandContext } from './command-context.ts'
import { withConfigFlags } from './config-flags.ts'

export function addConfig(program: Command, { terminal }: CommandContext): void {
  const config = program.command('config').description('Look at the configuration.')
  withConfigFlags(config.command('explain').description('Print each effective value and where it comes from.'))
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ConfigFlags & { readonly json?: boolean }) => {
      const { explainConfig } = await import('../explain-config.ts')
      explainConfig(flags, terminal)
    })
}

const EXAMPLES = `
Examples:
  errand config explain
  errand config explain --config node.yaml --json`
