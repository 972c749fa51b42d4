import type { Command } from 'commander'
import { ErrandError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { OPERATOR } from '../http/auth.ts'
import { digestOf, type KeptToken, newSecret } from '../http/auth-token.ts'
import { TokenFile } from '../http/auth-token-file.ts'
import { isScope, SCOPES, type Scope } from '../http/contract/scope.ts'
import type { Terminal } from './terminal.ts'

interface TokenFlags extends Pick<ConfigFlags, 'config' | 'stateDir'> {
  readonly json?: boolean
}

/** Adds `errand token`, which works on the file of tokens, whether a daemon runs or not. */
export function addTokenCommands(program: Command, terminal: Terminal): void {
  const token = program.command('token').description('Manage who may use /v1 over TCP.')

  withFlags(token.command('create <name>').description('Make a token and print it, this once.'))
    .option('-s, --scope <scope...>', `of ${SCOPES.join(', ')}`, ['read', 'submit'])
    .addHelpText('after', CREATE_EXAMPLES)
    .action((name: string, flags: TokenFlags & { scope: string[] }) => create(name, flags, terminal))

  withFlags(token.command('list').description('Print names, scopes and ages: no secrets.'))
    .addHelpText('after', LIST_EXAMPLES)
    .action((flags: TokenFlags) => list(flags, terminal))

  withFlags(token.command('revoke <name>').description('End a token, also in a running daemon.'))
    .addHelpText('after', REVOKE_EXAMPLES)
    .action((name: string, flags: TokenFlags) => revoke(name, flags, terminal))
}

function withFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (YAML)')
    .option('--state-dir <folder>', "the daemon's, when it was given one")
    .option('--json', 'print JSON')
}

/** @throws already_exists; validation_failed */
async function create(name: string, flags: TokenFlags & { scope: string[] }, terminal: Terminal): Promise<void> {
  const scopes = checkScopes(flags.scope)
  if (!isId(name) || name === OPERATOR.caller.id) {
    throw new ErrandError('validation_failed', `${JSON.stringify(name)} cannot be a token's name: a-z, 0-9 and -`)
  }
  const secret = newSecret()
  const kept: KeptToken = { id: name, sha256: digestOf(secret), scopes, createdAt: new Date().toISOString() }
  await fileOf(flags, terminal).change((tokens) => {
    if (tokens.every(({ id }) => id !== name)) return [...tokens, kept]
    throw new ErrandError('already_exists', `there is a token ${name} already: revoke it first`)
  })
  const token = `${name}.${secret}`
  terminal.stdout(flags.json === true ? `${JSON.stringify({ ...describe(kept), token })}\n` : `${token}\n`)
}

async function list(flags: TokenFlags, terminal: Terminal): Promise<void> {
  const tokens = (await fileOf(flags, terminal).tokens()).map(describe)
  if (flags.json === true) terminal.stdout(`${JSON.stringify(tokens)}\n`)
  else for (const { id, scopes, createdAt } of tokens) terminal.stdout(`${id}  ${scopes.join(',')}  ${createdAt}\n`)
}

/** @throws not_found */
async function revoke(name: string, flags: TokenFlags, terminal: Terminal): Promise<void> {
  await fileOf(flags, terminal).change((tokens) => {
    if (tokens.some(({ id }) => id === name)) return tokens.filter(({ id }) => id !== name)
    throw new ErrandError('not_found', `there is no token ${JSON.stringify(name)}`)
  })
  if (flags.json === true) terminal.stdout(`${JSON.stringify({ revoked: name })}\n`)
}

function fileOf({ config, stateDir }: TokenFlags, terminal: Terminal): TokenFile {
  const flags = { ...(config !== undefined && { config }), ...(stateDir !== undefined && { stateDir }) }
  return new TokenFile(loadConfig(flags, terminal.host).config.auth.tokensFile)
}

function checkScopes(texts: readonly string[]): Scope[] {
  const scopes = texts.flatMap((text) => text.split(','))
  const unknown = scopes.find((scope) => !isScope(scope))
  if (unknown === undefined) return [...new Set(scopes.filter(isScope))]
  throw new ErrandError('validation_failed', `${JSON.stringify(unknown)} is no scope; there are ${SCOPES.join(', ')}`)
}

function describe({ id, scopes, createdAt }: KeptToken): Omit<KeptToken, 'sha256'> {
  return { id, scopes, createdAt }
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
