import type { Command } from 'commander'
import { SCOPES } from '../../http/contract/scope.ts'
import type { TokenFlags } from '../token.ts'
import type { CommandContext } from './command-context.ts'

/** Adds `errand token`, which works on the file of tokens, whether a daemon runs or not. */
export function addToken(program: Command, { terminal }: CommandContext): void {
  const token = program.command('token').description('Manage who may use /v1 over TCP.')

  withFlags(token.command('create <name>').description('Make a token and print it, this once.'))
    .option('-s, --scope <scope...>', `of ${SCOPES.join(', ')}`, ['read', 'submit'])
    .addHelpText('after', CREATE_EXAMPLES)
    .action(async (name: string, flags: TokenFlags & { readonly scope: readonly string[] }) => {
      const { createToken } = await import('../token.ts')
      await createToken(name, flags, terminal)
    })

  withFlags(token.command('list').description('Print names, scopes and ages: no secrets.'))
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (flags: TokenFlags) => {
      const { listTokens } = await import('../token.ts')
      await listTokens(flags, terminal)
    })

  withFlags(token.command('revoke <name>').description('End a token, also in a running daemon.'))
    .addHelpText('after', REVOKE_EXAMPLES)
    .action(async (name: string, flags: TokenFlags) => {
      const { revokeToken } = await import('../token.ts')
      await revokeToken(name, flags, terminal)
    })
}

function withFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (YAML)')
    .option('--state-dir <folder>', "the daemon's, when it was given one")
    .option('--json', 'print JSON')
}

const CREATE_EXAMPLES = `
Examples:
  errand token create ci
  errand token create ops --scope read operate
  errand token create root --scope admin --json

A caller sees its own executions; one with admin sees all. The name is the
caller's: a token that is revoked and made again has the same executions.`

const LIST_EXAMPLES = `
Examples:
  errand token list
  errand token list --json`

const REVOKE_EXAMPLES = `
Examples:
  errand token revoke ci`
