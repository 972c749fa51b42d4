import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { lock } from '../../examples/tasks/offline/command.ts'
import { unpackPackages } from '../../examples/tasks/offline/debian-packages.ts'
import type { EngineRuntime } from './private-engine.ts'

const CACHE = join(import.meta.dirname, '../../.cache')
const INSTALLED = '/usr/bin/runsc'
const UNPACKED = join(CACHE, 'runsc')

/**
 * gVisor as an entry of daemon.json: the host's own, or that of the Debian package, taken apart in the cache and not
 * installed. With these arguments it runs on any kernel, in the container's own network namespace, and enforces no limits.
 */
export async function gvisorRuntime(): Promise<EngineRuntime> {
  const runtimeArgs = ['--platform=ptrace', '--network=host', '--ignore-cgroups']
  return { path: await findRunsc(), runtimeArgs }
}

async function findRunsc(): Promise<string> {
  if (await exists(INSTALLED)) return INSTALLED
  const program = join(UNPACKED, INSTALLED)
  if (await exists(program)) return program
  await using _held = await lock(join(CACHE, 'runsc.lock'))
  if (!(await exists(program))) await unpackPackages(['runsc'], UNPACKED, join(CACHE, 'debian'))
  return program
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
