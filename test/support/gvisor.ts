import { debianProgram } from './debian-program.ts'
import type { EngineRuntime } from './private-engine.ts'

/**
 * gVisor as an entry of daemon.json. With these arguments it runs on any kernel, in the container's own network namespace,
 * and enforces no limits.
 */
export async function gvisorRuntime(): Promise<EngineRuntime> {
  const runtimeArgs = ['--platform=ptrace', '--network=host', '--ignore-cgroups']
  return { path: await debianProgram('runsc', '/usr/bin/runsc'), runtimeArgs }
}
