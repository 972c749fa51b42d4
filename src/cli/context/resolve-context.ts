import { resolve } from 'node:path'
import { parseAddress } from '../../client/address.ts'
import { ErrandError } from '../../core/errors.ts'
import { ConfigError } from '../../daemon/config/config-error.ts'
import { defaultValues } from '../../daemon/config/defaults.ts'
import { socketIn } from '../../daemon/config/fields.ts'
import type { ConfigHost } from '../../daemon/config/host.ts'
import { loadConfig } from '../../daemon/config/load.ts'
import { ContextFile, type DaemonContext } from './context-file.ts'

/** What a command line says of the daemon that it means. */
export interface ContextFlags {
  readonly host?: string
  readonly tokenFile?: string
  /** A file: who may vouch for the daemon. */
  readonly ca?: string
  readonly context?: string
}

/** The daemon that a command talks to: what a client is made of. */
export interface ResolvedContext extends DaemonContext {
  /** `flag --host`, `environment ERRAND_HOST`, `context NAME` or `default`: for messages. */
  readonly origin: string
}

/** Where the daemon of the machine listens, whoever asks. */
const ROOT_SOCKET = '/run/errand/errand.sock'

/**
 * Finds the daemon: `--host`, else `--context`, else `ERRAND_HOST`, else the context in use, else the unix socket of this
 * machine's own daemon. The token comes from `--token-file`, else `ERRAND_TOKEN_FILE`, else from the context that gave the
 * address: never from another one. So does who may vouch for it: `--ca`, else `ERRAND_CA_FILE`, else the context.
 * @throws validation_failed for an address that is none; not_found for a context that there is not; as `ContextFile.read`
 */
export async function resolveContext(flags: ContextFlags, host: ConfigHost): Promise<ResolvedContext> {
  if (flags.host !== undefined && flags.context !== undefined) {
    throw new ErrandError('validation_failed', '--host and --context: give one of them')
  }
  const found = await findDaemon(flags, host)
  parseAddress(found.url)
  const tokenFile = flags.tokenFile ?? given(host.environment.ERRAND_TOKEN_FILE) ?? found.tokenFile
  const caFile = flags.ca ?? given(host.environment.ERRAND_CA_FILE) ?? found.caFile
  const { url, origin } = found
  return {
    url,
    origin,
    ...(tokenFile !== undefined && { tokenFile: resolve(tokenFile) }),
    ...(caFile !== undefined && { caFile: resolve(caFile) }),
  }
}

async function findDaemon(flags: ContextFlags, host: ConfigHost): Promise<ResolvedContext> {
  if (flags.host !== undefined) return { url: flags.host, origin: 'flag --host' }
  const file = new ContextFile(host)
  if (flags.context !== undefined) return loadContext(file, flags.context)
  const fromEnvironment = given(host.environment.ERRAND_HOST)
  if (fromEnvironment !== undefined) return { url: fromEnvironment, origin: 'environment ERRAND_HOST' }
  const { current } = await file.read()
  if (current !== undefined) return loadContext(file, current)
  return { url: `unix://${localSocket(host)}`, origin: 'default' }
}

async function loadContext(file: ContextFile, name: string): Promise<ResolvedContext> {
  const { contexts } = await file.read()
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (found === undefined) throw new ErrandError('not_found', `there is no context ${JSON.stringify(name)}`)
  return { ...found, origin: `context ${name}` }
}

/** One's own daemon before that of the machine; a user other than root may have either. */
function localSocket(host: ConfigHost): string {
  const own = ownSocket(host)
  return host.exists(own) || !host.exists(ROOT_SOCKET) ? own : ROOT_SOCKET
}

/** As the configuration says, where it can be read and is right: it is the daemon's business if it is not. */
function ownSocket(host: ConfigHost): string {
  try {
    const { listeners, runDir } = loadConfig({}, host).config
    return listeners.flatMap(({ address }) => ('unixPath' in address ? [address.unixPath] : []))[0] ?? socketIn(runDir)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return socketIn(String(defaultValues(host).runDir))
  }
}

/** An empty variable counts as not set. */
function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
