import type { Log } from '../core/log.ts'
import { DockerEngine } from '../engine/docker/docker-engine.ts'
import type { Engine } from '../engine/engine.ts'
import type { Installation } from '../instance/identity.ts'
import type { Config } from './config/config.ts'
import { sgxWarnings } from './sgx-warnings.ts'

/** Opens the Docker Engine that the configuration names, with a network for tasks. */
export async function openDocker(
  config: Config,
  installation: Installation,
  log: Log,
  signal: AbortSignal,
): Promise<Engine> {
  const { docker, tasks, sgx, executions, stateDir } = config
  for (const warning of sgxWarnings(sgx)) log.warn({}, warning)
  return DockerEngine.open(
    {
      socketPath: docker.socketPath,
      installation: installation.id,
      stateFolder: stateDir,
      log,
      network:
        docker.network === undefined
          ? {
              kind: 'own',
              isInternal: tasks.network === 'internal',
              hostAccess: tasks.hostAccess,
              privateNetworks: tasks.privateNetworks,
            }
          : { kind: 'named', name: docker.network },
      executions: { allowEgress: executions.allowEgress, privateNetworks: tasks.privateNetworks },
    },
    signal,
  )
}
