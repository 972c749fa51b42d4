import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../core/log.ts'
import { loadConfig } from '../../daemon/config/load.ts'
import type { OpenDaemon } from '../serve.ts'
import type { Terminal } from '../terminal.ts'

/** A daemon in this process. Disposing ends it, and with it all that it ran. */
export interface LocalDaemon extends AsyncDisposable {
  readonly url: string
}

/**
 * Opens a daemon for one command: with the configuration of this machine, but a folder and a socket of its own, so that it
 * disturbs no other. It knows nothing of what others have leased.
 * @throws as `Daemon.open`
 */
export async function openLocal(openDaemon: OpenDaemon, terminal: Terminal): Promise<LocalDaemon> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-local-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const socket = join(folder, 'errand.sock')
  const flags = { stateDir: join(folder, 'state'), runDir: join(folder, 'run'), listen: [`unix:${socket}`] }
  const { config } = loadConfig(flags, terminal.host)
  const daemon = await openDaemon(config, { log: silentLog }, new AbortController().signal)
  undo.defer(() => daemon.stop())
  const held = undo.move()
  return { url: `unix://${socket}`, [Symbol.asyncDispose]: () => held.disposeAsync() }
}
