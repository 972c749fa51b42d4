import { once } from 'node:events'
import type { Server } from 'node:net'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { describeListenAddress, type ListenAddress } from './listener-config.ts'
import { removeStaleSocket } from './unix-socket.ts'

/** Leaves 0660: whoever may read and write the socket may use the whole face. */
const SOCKET_UMASK = 0o117

/**
 * Connections that the kernel keeps until they are accepted; it takes its own `somaxconn` when that is less. With Node's 511
 * a burst of callers overflows it, and those who lose wait for seconds.
 */
const BACKLOG = 4096

const REASON: ReadonlyMap<string | undefined, readonly [ErrorCode, string]> = new Map([
  ['EADDRINUSE', ['already_exists', 'another process listens there']],
  ['EACCES', ['forbidden', 'this user may not']],
  ['EADDRNOTAVAIL', ['validation_failed', 'this host has no such address']],
  ['ENOTFOUND', ['validation_failed', 'this host has no such address']],
])

/**
 * Makes a server listen. A socket file that a dead process left is replaced.
 * @throws already_exists when the address is taken; forbidden; validation_failed for an address that cannot be had
 */
export async function bind(server: Server, address: ListenAddress): Promise<void> {
  if ('unixPath' in address) await removeStaleSocket(address.unixPath)
  const listening = once(server, 'listening')
  try {
    listen(server, address)
    await listening
  } catch (error) {
    throw toBindError(error, address)
  }
}

function listen(server: Server, address: ListenAddress): void {
  if (!('unixPath' in address)) {
    server.listen({ host: address.host, port: address.port, backlog: BACKLOG })
    return
  }
  // Binding happens within the call, so that the mask holds for the socket alone, and the socket is never open to all.
  const before = process.umask(SOCKET_UMASK)
  try {
    server.listen({ path: address.unixPath, backlog: BACKLOG })
  } finally {
    process.umask(before)
  }
}

/** What the kernel has against an address. */
export function toBindError(error: unknown, address: ListenAddress): ErrandError {
  const { code, message } = error as NodeJS.ErrnoException
  const [named, reason] = REASON.get(code) ?? ['internal', message]
  const where = describeListenAddress(address)
  return new ErrandError(named, `cannot listen on ${where}: ${reason}`, { details: { address: where }, cause: error })
}
