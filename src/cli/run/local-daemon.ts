import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ErrandClient } from '../../client/client.ts'
import { isTerminal } from '../../core/execution.ts'
import { silentLog } from '../../core/log.ts'
import { loadConfig } from '../../daemon/config/load.ts'
import type { OpenDaemon } from '../serve.ts'
import type { Terminal } from '../terminal.ts'

/** A daemon in this process. Disposing ends it, and with it all that it ran. */
export interface LocalDaemon extends AsyncDisposable {
  readonly url: string
}

/** What a sandbox that was killed may take to be gone. */
const END_MS = 20_000

/**
 * Opens a daemon for one command: with the configuration of this machine, but a folder and a socket of its own, so that it
 * disturbs no other. It knows nothing of what others have leased.
 * @throws as `Daemon.open`
 */
export async function openLocal(openDaemon: OpenDaemon, terminal: Terminal, signal: AbortSignal): Promise<LocalDaemon> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-local-'))
  const left = { isClean: true }
  await using undo = new AsyncDisposableStack()
  undo.defer(async () => {
    // It holds the key to what its daemon could not remove.
    if (left.isClean) await rm(folder, { recursive: true, force: true })
    else terminal.stderr.write(`errand: something is left that could not be removed; see ${folder}\n`)
  })
  const socket = join(folder, 'errand.sock')
  const flags = { stateDir: join(folder, 'state'), runDir: join(folder, 'run'), listen: [`unix:${socket}`] }
  const { config } = loadConfig(flags, terminal.host)
  const daemon = await openDaemon(config, { log: silentLog }, signal)
  const url = `unix://${socket}`
  undo.defer(() => daemon.stop())
  undo.defer(async () => {
    left.isClean = await endAll(url)
  })
  const held = undo.move()
  return { url, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

/** A daemon lets go of what runs when it stops, for the next one; here there is none. Returns whether nothing is left. */
async function endAll(url: string): Promise<boolean> {
  await using client = new ErrandClient({ url, patienceMs: 0 })
  const { executions, node } = client
  try {
    // Refuses what is on its way yet.
    const ended = node.drain({ timeoutMs: END_MS })
    await Promise.all([ended, endEach(executions)])
    return true
  } catch {
    return false
  }
}

async function endEach(executions: ErrandClient['executions']): Promise<void> {
  for await (const { id, status } of executions.list()) {
    // One that ends by itself meanwhile is what was wanted; one that does not is what the drain waits for.
    if (!isTerminal(status)) await executions.cancel(id, { graceMs: 0 }).catch(() => {})
  }
}
