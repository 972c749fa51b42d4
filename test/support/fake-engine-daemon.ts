/**
 * The daemon in a process of its own, with the fake engine: for tests that count its memory and its files, or take some of
 * them away. Arguments: the tasks as JSON, then those of `errand`. Answers every message with an `Inside`, and then does
 * nothing else for as long as the message says.
 */
import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { runCommand } from '../../src/cli/program.ts'
import type { OpenDaemon } from '../../src/cli/serve.ts'
import { thisTerminal } from '../../src/cli/terminal.ts'
import { Daemon } from '../../src/daemon/daemon.ts'
import type { FakeScript } from '../../src/engine/fake/fake-engine.ts'
import { FakeDocker } from './fake-docker.ts'
import type { Asked, FakeTask, Inside } from './fake-serve.ts'

const MARK = 'meca-init-done'

const [tasks = '{}', ...args] = process.argv.slice(2)
const images = Object.fromEntries(
  Object.entries(JSON.parse(tasks) as Record<string, FakeTask>).map(([name, task]) => [name, scriptOf(task)]),
)
const engine = new FakeDocker({ images })
const open: OpenDaemon = (config, deps, signal) =>
  Daemon.open(config, { ...deps, openEngine: async () => engine }, signal)

process.on('message', ({ blockMs }: Asked) => {
  const sandboxes = engine.sandboxes.map(({ id, name, labels }) => ({ id, name, labels }))
  const inherited: string[] = []
  for (const key in {}) inherited.push(key)
  const modules = [...builtInModules(), ...Object.keys(createRequire(import.meta.url).cache)]
  process.send?.({ sandboxes, inherited, modules } satisfies Inside, () => spin(blockMs))
})

function scriptOf(task: FakeTask): FakeScript {
  if (task === null) return { isNeverReady: true }
  if (task !== 'weighs') return { mark: MARK, endpoint: { host: '127.0.0.1', port: task } }
  return {
    run: async (job) => {
      for (const mount of job.spec.mounts ?? []) {
        if (mount.kind === 'bind') job.print(`${(await stat(mount.source)).size}`)
      }
      return 0
    },
  }
}

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
