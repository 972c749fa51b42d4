import { createHash } from 'node:crypto'
import type { Task } from '../core/task.ts'
import { chooseRuntime, chooseSgx, type RuntimePolicy } from '../engine/choose.ts'
import type { EngineProbe, SandboxSpec, SgxPaths } from '../engine/engine.ts'

export interface TaskSpecsDeps {
  readonly probe: EngineProbe
  /** Asked every time: the owner may change it. */
  readonly runtimes: () => RuntimePolicy
  readonly sgx: SgxPaths | undefined
  readonly port: number
  /** Says which network tasks are put on, in whatever words: two that differ are two networks. */
  readonly network: string
}

/** The sandboxes that tasks get on this node, by its present configuration. */
export class TaskSpecs {
  readonly #deps: TaskSpecsDeps

  constructor(deps: TaskSpecsDeps) {
    this.#deps = deps
  }

  /** @throws runtime_unavailable */
  specify(task: Task, imageId: string): SandboxSpec {
    const { probe, runtimes, port, sgx } = this.#deps
    const runtime = chooseRuntime(task.isolation, runtimes(), probe)
    const spec: SandboxSpec = {
      imageId,
      resources: task.resources,
      runtime,
      profile: 'standard',
      process: {},
      network: 'tasks',
      port,
      hasSocket: probe.runtimes.get(runtime)?.hasUnixSocket ?? false,
    }
    const paths = chooseSgx(task, sgx)
    return paths === undefined ? spec : { ...spec, sgx: paths }
  }

  /** The same for two sandboxes that were made alike, by this process or an earlier one. */
  setupOf(spec: SandboxSpec): string {
    return createHash('sha256')
      .update(JSON.stringify([spec, this.#deps.network]))
      .digest('hex')
  }
}
