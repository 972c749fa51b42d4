/**
 * The daemon in a process of its own, with the fake engine: for tests that count its memory and its files, or take some of
 * them away. Arguments: the tasks as JSON, then those of `errand`.
 */
import { runCommand } from '../../src/cli/program.ts'
import type { OpenDaemon } from '../../src/cli/serve.ts'
import { thisTerminal } from '../../src/cli/terminal.ts'
import { Daemon } from '../../src/daemon/daemon.ts'
import { FakeEngine, type FakeScript } from '../../src/engine/fake/fake-engine.ts'

const MARK = 'meca-init-done'

const [tasks = '{}', ...args] = process.argv.slice(2)
const images = Object.fromEntries(
  Object.entries(JSON.parse(tasks) as Record<string, number | null>).map(([name, port]): [string, FakeScript] => [
    name,
    port === null ? { isNeverReady: true } : { mark: MARK, endpoint: { host: '127.0.0.1', port } },
  ]),
)
const open: OpenDaemon = (config, deps, signal) =>
  Daemon.open(config, { ...deps, openEngine: async () => new FakeEngine({ images }) }, signal)

process.exit(await runCommand(args, open, thisTerminal()))
