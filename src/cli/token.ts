import { ErrandError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { OPERATOR } from '../http/auth.ts'
import { digestOf, type KeptToken, newSecret } from '../http/auth-token.ts'
import { TokenFile } from '../http/auth-token-file.ts'
import { isScope, SCOPES, type Scope } from '../http/contract/scope.ts'
import { printJson } from './output/json.ts'
import { type Column, table } from './output/table.ts'
import type { Terminal } from './terminal.ts'

/** What the commands on tokens share. */
export interface TokenFlags extends Pick<ConfigFlags, 'config' | 'stateDir'> {
  readonly json?: boolean
}

/** What is shown of a token: never its secret's digest. */
type ShownToken = Omit<KeptToken, 'sha256'>

const COLUMNS: readonly Column<ShownToken>[] = [
  { title: 'NAME', value: ({ id }) => id },
  { title: 'SCOPES', value: ({ scopes }) => scopes.join(',') },
  { title: 'CREATED', value: ({ createdAt }) => createdAt },
]

/** @throws already_exists; validation_failed */
export async function createToken(
  name: string,
  flags: TokenFlags & { readonly scope: readonly string[] },
  terminal: Terminal,
): Promise<void> {
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
  if (flags.json === true) printJson(terminal.stdout, { ...describe(kept), token })
  else terminal.stdout.write(`${token}\n`)
}

export async function listTokens(flags: TokenFlags, terminal: Terminal): Promise<void> {
  const tokens = (await fileOf(flags, terminal).tokens()).map(describe)
  if (flags.json === true) printJson(terminal.stdout, tokens)
  else terminal.stdout.write(table(COLUMNS, tokens, terminal.stdout))
}

/** @throws not_found */
export async function revokeToken(name: string, flags: TokenFlags, terminal: Terminal): Promise<void> {
  await fileOf(flags, terminal).change((tokens) => {
    if (tokens.some(({ id }) => id === name)) return tokens.filter(({ id }) => id !== name)
    throw new ErrandError('not_found', `there is no token ${JSON.stringify(name)}`)
  })
  if (flags.json === true) printJson(terminal.stdout, { revoked: name })
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

function describe({ id, scopes, createdAt }: KeptToken): ShownToken {
  return { id, scopes, createdAt }
}
