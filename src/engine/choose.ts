import { ErrandError } from '../core/errors.ts'
import type { Isolation } from '../core/task.ts'
import type { EngineProbe } from './engine.ts'

/** What an operator said of the OCI runtimes on this host. */
export interface RuntimePolicy {
  /** The runtime that stands for `microvm`; undefined when there is none. */
  readonly microVmRuntime: string | undefined
  /** Runtimes that take work although their limits do not bind. */
  readonly allowUnenforced: ReadonlySet<string>
}

/**
 * The OCI runtime that gives a task the isolation it asks for.
 * @throws runtime_unavailable: never a weaker one instead
 */
export function chooseRuntime(isolation: Isolation, policy: RuntimePolicy, probe: EngineProbe): string {
  const name = isolation === 'container' ? probe.defaultRuntime : policy.microVmRuntime
  if (name === undefined) {
    throw new ErrandError('runtime_unavailable', 'this node offers no microVM: microVM_runtime is not set')
  }
  const runtime = probe.runtimes.get(name)
  if (runtime === undefined) {
    throw new ErrandError('runtime_unavailable', `the engine has no runtime called ${name}`, {
      details: { runtime: name, available: [...probe.runtimes.keys()] },
    })
  }
  if (!runtime.enforcesLimits && !policy.allowUnenforced.has(name)) {
    throw new ErrandError(
      'runtime_unavailable',
      `runtime ${name} does not enforce limits of memory, cpu or processes here; ` +
        `an operator can accept that with isolation.runtimes.${name}.allowUnenforced`,
      { details: { runtime: name } },
    )
  }
  return name
}
