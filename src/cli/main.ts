import { runCommand } from './program.ts'
import type { OpenDaemon } from './serve.ts'
import { thisTerminal } from './terminal.ts'

/** Loaded only by `serve`, so that other commands start quickly. */
const openDaemon: OpenDaemon = async (config, deps, signal) => {
  const { Daemon } = await import('../daemon/daemon.ts')
  return Daemon.open(config, deps, signal)
}

const terminal = thisTerminal()

const status = await runCommand(process.argv.slice(2), openDaemon, terminal)
await Promise.all([terminal.stdout.taken(), terminal.stderr.taken()])
process.exit(status)
