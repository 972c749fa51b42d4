import { DockerEngine } from '../engine/docker/docker-engine.ts'
import type { Executor } from '../service/executor.ts'
import type { ExecutorOptions } from './executor-options.ts'
import { openExecutor } from './open-executor.ts'

export interface DockerExecutorOptions extends ExecutorOptions {
  /** The Engine's unix socket. Default: `/var/run/docker.sock`. */
  readonly socketPath?: string
  /** Whether executions may ask for `network: 'egress'`, a way out of this host. Default: false. */
  readonly allowEgress?: boolean
}

const SOCKET_PATH = '/var/run/docker.sock'

/** Executions on a Docker Engine, inside another program. */
export class DockerExecutor {
  /**
   * An executor of its own; whoever opens it disposes it, which ends and removes all that it runs.
   * @throws engine_unavailable when no Engine answers; validation_failed; storage_error when another process has an
   * executor of this id. Nothing is left behind then.
   */
  static async open(
    options: DockerExecutorOptions,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Executor> {
    const { socketPath = SOCKET_PATH, allowEgress = false, log, clock } = options
    const rest = { ...(log && { log }), ...(clock && { clock }) }
    const openDocker = async (installation: { readonly id: string }): Promise<DockerEngine> =>
      await DockerEngine.open(
        { socketPath, installation: installation.id, network: { kind: 'absent' }, executions: { allowEgress }, ...rest },
        signal,
      )
    return await openExecutor({ docker: openDocker }, options, signal)
  }
}
