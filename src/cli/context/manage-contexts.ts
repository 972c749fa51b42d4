import { resolve } from 'node:path'
import { parseAddress } from '../../client/address.ts'
import { ErrandError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { printJson } from '../output/json.ts'
import { type Column, table } from '../output/table.ts'
import type { Terminal } from '../terminal.ts'
import { ContextFile, type Contexts, type DaemonContext } from './context-file.ts'
import { type ContextFlags, resolveContext } from './resolve-context.ts'

export interface JsonFlag {
  readonly json?: boolean
}

export interface CreateFlags extends JsonFlag {
  readonly url: string
  readonly tokenFile?: string
  readonly ca?: string
}

/** The first one is used from then on. @throws validation_failed; already_exists; as `ContextFile.change` */
export async function createContext(
  name: string,
  { url, tokenFile, ca, json }: CreateFlags,
  terminal: Terminal,
): Promise<void> {
  if (!isId(name))
    throw new ErrandError('validation_failed', `${JSON.stringify(name)} cannot be a name: a-z, 0-9 and -`)
  const context: DaemonContext = {
    url: parseAddress(url).text,
    ...(tokenFile !== undefined && { tokenFile: resolve(tokenFile) }),
    ...(ca !== undefined && { caFile: resolve(ca) }),
  }
  await new ContextFile(terminal.host).change(({ current = name, contexts }) => {
    if (Object.hasOwn(contexts, name)) throw new ErrandError('already_exists', `there is a context ${name} already`)
    return { current, contexts: { ...contexts, [name]: context } }
  })
  if (isInTheClear(context)) {
    terminal.stderr.write('errand: over http:// the token can be read on the way: use https:// or a tunnel\n')
  }
  if (json === true) printJson(terminal.stdout, { name, ...context })
  else terminal.stdout.write(`${name}\n`)
}

/** @throws not_found; as `ContextFile.change` */
export async function useContext(name: string, { json }: JsonFlag, terminal: Terminal): Promise<void> {
  await new ContextFile(terminal.host).change(({ contexts }) => {
    assertThere(contexts, name)
    return { current: name, contexts }
  })
  if (json === true) printJson(terminal.stdout, { current: name })
  else terminal.stdout.write(`${name}\n`)
}

/** @throws not_found; as `ContextFile.change` */
export async function removeContext(name: string, { json }: JsonFlag, terminal: Terminal): Promise<void> {
  await new ContextFile(terminal.host).change(({ current, contexts }) => {
    assertThere(contexts, name)
    const { [name]: _removed, ...others } = contexts
    return { contexts: others, ...(current !== undefined && current !== name && { current }) }
  })
  if (json === true) printJson(terminal.stdout, { removed: name })
  else terminal.stdout.write(`${name}\n`)
}

/** @throws as `ContextFile.read` */
export async function listContexts({ json }: JsonFlag, terminal: Terminal): Promise<void> {
  const { current, contexts } = await new ContextFile(terminal.host).read()
  const rows = Object.entries(contexts).map(([name, context]) => ({ name, isCurrent: name === current, ...context }))
  if (json === true) printJson(terminal.stdout, rows)
  else terminal.stdout.write(table([...COLUMNS, ...placeOf(rows)], rows, terminal.stdout))
}

/** Prints the daemon that a command with these flags talks to now, and what says so. @throws as `resolveContext` */
export async function showContext({ json, ...flags }: ContextFlags & JsonFlag, terminal: Terminal): Promise<void> {
  const found = await resolveContext(flags, terminal.host)
  if (json === true) printJson(terminal.stdout, found)
  else terminal.stdout.write(table([...SHOWN, ...placeOf([found])], [found], terminal.stdout))
}

interface Row extends DaemonContext {
  readonly name: string
  readonly isCurrent: boolean
}

const PLACE: readonly Column<DaemonContext>[] = [
  { title: 'URL', value: ({ url }) => url, cutFirst: 1 },
  { title: 'TOKEN FILE', value: ({ tokenFile }) => tokenFile ?? '-', cutFirst: 2 },
]

const AUTHORITY: Column<DaemonContext> = { title: 'CA FILE', value: ({ caFile }) => caFile ?? '-', cutFirst: 3 }

/** Most have no authority of their own to name. */
function placeOf(rows: readonly DaemonContext[]): readonly Column<DaemonContext>[] {
  return rows.some(({ caFile }) => caFile !== undefined) ? [...PLACE, AUTHORITY] : PLACE
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', value: ({ name, isCurrent }) => (isCurrent ? `${name} *` : name), cutFirst: 0 },
]

const SHOWN: readonly Column<DaemonContext & { readonly origin: string }>[] = [
  { title: 'FROM', value: ({ origin }) => origin },
]

function assertThere(contexts: Contexts['contexts'], name: string): void {
  if (!Object.hasOwn(contexts, name)) throw new ErrandError('not_found', `there is no context ${JSON.stringify(name)}`)
}

function isInTheClear({ url, tokenFile }: DaemonContext): boolean {
  return tokenFile !== undefined && /^http:\/\/(?!localhost[:/]|localhost$|127\.|\[::1\])/.test(url)
}
