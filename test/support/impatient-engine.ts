import type { DaemonDeps } from '../../src/daemon/daemon.ts'
import type { EngineDeadlines } from '../../src/engine/docker/client.ts'
import { DockerEngine } from '../../src/engine/docker/docker-engine.ts'

/** Long enough for an engine that has other work, short enough for a test that waits for them to pass. */
const DEADLINES: EngineDeadlines = { pingMs: 2000, inspectMs: 2000, changeMs: 4000 }

/** Opens the Docker Engine at `socketPath` as the daemon does, but gives it seconds to answer, not a minute. */
export function impatient(socketPath: string, deadlines: EngineDeadlines = DEADLINES): Pick<DaemonDeps, 'openEngine'> {
  const network = { kind: 'own', isInternal: false, hostAccess: 'deny', privateNetworks: 'allow' } as const
  return {
    openEngine: (installation, signal) =>
      DockerEngine.open({ socketPath, installation: installation.id, network, deadlines }, signal),
  }
}
