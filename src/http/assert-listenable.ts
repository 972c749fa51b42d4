import { connect, isIP, type NetConnectOpts } from 'node:net'
import { toBindError } from './bind.ts'
import { readCertificate } from './certificate.ts'
import type { ListenAddress, ListenerConfig } from './listener-config.ts'
import { assertSocketPath } from './unix-socket.ts'

/** Nobody listens there: what counts has happened before an answer comes. */
const NO_PORT = 1
/** The refusal comes at once, unless a firewall swallows it. */
const REFUSAL_MS = 500
const LOOPBACK: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])

/**
 * Looks whether listeners could be opened now, and opens none: nobody who connects meanwhile is accepted and then cut.
 * @throws already_exists, forbidden or validation_failed, as `Listeners.open` would
 */
export async function assertListenable({ address, tls }: Pick<ListenerConfig, 'address' | 'tls'>): Promise<void> {
  if (tls !== undefined) await readCertificate(tls)
  if ('unixPath' in address) await assertSocketPath(address.unixPath)
  else if (address.port !== 0) await assertPort(address)
}

/**
 * A connection that comes from the port has to have it first, and cannot when somebody listens there. What address a name
 * has is seen when it is opened.
 */
async function assertPort(address: Exclude<ListenAddress, { unixPath: string }>): Promise<void> {
  const { host, port } = address
  if (isIP(host) === 0) return
  const to: NetConnectOpts = { host: LOOPBACK.get(host) ?? host, port: NO_PORT, localAddress: host, localPort: port }
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | undefined>()
  const socket = connect(to, () => resolve(undefined))
  socket.setTimeout(REFUSAL_MS, () => resolve(undefined))
  socket.once('error', resolve)
  const error = await promise
  socket.destroy()
  if (error?.syscall === 'bind') throw toBindError(error, address)
}
