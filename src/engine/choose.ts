import { ErrandError } from '../core/errors.ts'
import type { Isolation, Task } from '../core/task.ts'
import type { EngineProbe, SgxPaths } from './engine.ts'

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

/**
 * The device and the folder that a task gets for SGX; undefined for a task that asks for none. Whether they are there is
 * the engine's to say: this process may not see its host.
 * @throws runtime_unavailable where the owner offers none, and for a micro-VM, which has no enclave of the host's processor
 */
export function chooseSgx(
  { sgx, isolation }: Pick<Task, 'sgx' | 'isolation'>,
  offered: SgxPaths | undefined,
): SgxPaths | undefined {
  if (!sgx) return undefined
  if (offered === undefined) {
    throw new ErrandError('runtime_unavailable', 'this node offers no SGX: sgx.enable is not set')
  }
  if (isolation === 'microvm') {
    throw new ErrandError('runtime_unavailable', 'SGX is not to be had in a microVM; ask for runtime "container"')
  }
  return offered
}
