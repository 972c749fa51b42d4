import { DockerEngine } from '../engine/docker/docker-engine.ts'
import type { Executor } from '../service/executor.ts'
import type { ExecutorOptions } from './executor-options.ts'
import { type OpenEngine, openExecutor } from './open-executor.ts'

export interface DockerExecutorOptions extends ExecutorOptions {
  /** The Engine's unix socket. Default: `/var/run/docker.sock`. */
  readonly socketPath?: string
  /** Whether executions may ask for `network: 'egress'`, a way out of this host. Default: false. */
  readonly allowEgress?: boolean
}

interface DockerExecutorFactory {
  /**
   * An executor of its own; whoever opens it disposes it, which ends and removes all that it runs.
   * @throws engine_unavailable when no Engine answers; validation_failed; storage_error when another process has an
   * executor of this id. Nothing is left behind then.
   */
  open(options: DockerExecutorOptions, signal?: AbortSignal): Promise<Executor>
}

const SOCKET_PATH = '/var/run/docker.sock'
const NEVER = new AbortController().signal

/** Executions on a Docker Engine, inside another program; `engineSpec.type` is `docker`. */
export const DockerExecutor: DockerExecutorFactory = {
  async open(options, signal = NEVER) {
    const { socketPath = SOCKET_PATH, allowEgress = false, log, clock } = options
    const own = { socketPath, network: { kind: 'absent' }, executions: { allowEgress } } as const
    const openDocker: OpenEngine = async ({ id }, opening, stateFolder) =>
      DockerEngine.open(
        { ...own, installation: id, stateFolder, ...(log && { log }), ...(clock && { clock }) },
        opening,
      )
    return openExecutor({ docker: openDocker }, options, signal)
  },
}
