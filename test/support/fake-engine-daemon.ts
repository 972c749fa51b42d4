/**
 * The daemon in a process of its own, with the fake engine: for tests that count its memory and its files, or take some of
 * them away. Arguments: the tasks as JSON, then those of `errand`. Answers every message with an `Inside`, and then does
 * nothing else for as long as the message says.
 */
import { createRequire } from 'node:module'
import { runCommand } from '../../src/cli/program.ts'
import type { OpenDaemon } from '../../src/cli/serve.ts'
import { thisTerminal } from '../../src/cli/terminal.ts'
import { Daemon } from '../../src/daemon/daemon.ts'
import { FakeEngine, type FakeScript } from '../../src/engine/fake/fake-engine.ts'
import type { Asked, Inside } from './fake-serve.ts'

const MARK = 'meca-init-done'

const [tasks = '{}', ...args] = process.argv.slice(2)
const images = Object.fromEntries(
  Object.entries(JSON.parse(tasks) as Record<string, number | null>).map(([name, port]): [string, FakeScript] => [
    name,
    port === null ? { isNeverReady: true } : { mark: MARK, endpoint: { host: '127.0.0.1', port } },
  ]),
)
const engine = new FakeEngine({ images })
const open: OpenDaemon = (config, deps, signal) =>
  Daemon.open(config, { ...deps, openEngine: async () => engine }, signal)

process.on('message', ({ blockMs }: Asked) => {
  const sandboxes = engine.sandboxes.map(({ id, name, labels }) => ({ id, name, labels }))
  const inherited: string[] = []
  for (const key in {}) inherited.push(key)
  const modules = [...builtInModules(), ...Object.keys(createRequire(import.meta.url).cache)]
  process.send?.({ sandboxes, inherited, modules } satisfies Inside, () => spin(blockMs))
})

/** Holds up the event loop. */
function spin(forMs: number): void {
  const untilMs = performance.now() + forMs
  while (performance.now() < untilMs);
}

/** Those of Node.js itself, its inner ones included. The list is not documented: its emptiness would be noticed. */
function builtInModules(): string[] {
  const { moduleLoadList } = process as typeof process & { readonly moduleLoadList: readonly string[] }
  return moduleLoadList.map((entry) => entry.replace('NativeModule ', ''))
}

process.exit(await runCommand(args, open, thisTerminal()))
