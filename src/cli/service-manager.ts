import { execFile } from 'node:child_process'
import type { Log } from '../core/log.ts'
import type { ConfigHost } from '../daemon/config/host.ts'

const PATIENCE_MS = 5_000

/**
 * Tells the service manager that started this process that it serves now, by systemd's own program: the message is a
 * datagram on a unix socket, of which Node.js has none. Does nothing where no manager waits for it. Never rejects: a
 * manager that hears nothing ends the service by its own deadline, and the log says why.
 */
export async function notifyReady({ environment }: Pick<ConfigHost, 'environment'>, log: Log): Promise<void> {
  const { NOTIFY_SOCKET, PATH } = environment
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return
  const { promise, resolve } = Promise.withResolvers<void>()
  execFile('systemd-notify', ['--ready'], { env: { NOTIFY_SOCKET, PATH }, timeout: PATIENCE_MS }, (error) => {
    if (error !== null) log.warn({ err: error }, 'the service manager could not be told that the node serves')
    resolve()
  })
  await promise
}
