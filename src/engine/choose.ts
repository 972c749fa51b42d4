import { ErrandError } from '../core/errors.ts'
import type { Isolation, Task } from '../core/task.ts'
import type { EngineProbe, SandboxSpec, SgxPaths } from './engine.ts'

/** What an operator said of the OCI runtimes on this host. */
export interface RuntimePolicy {
  /** The runtime that stands for `microvm`; undefined when there is none. */
  readonly microVmRuntime: string | undefined
  /** The runtime that is gVisor, where the engine has it; undefined when there is none. */
  readonly gvisorRuntime: string | undefined
  /** Runtimes that take work although their limits do not bind. */
  readonly allowUnenforced: ReadonlySet<string>
}

/**
 * Refuses what this host, as it is, could not keep to what its profile promises.
 * @throws runtime_unavailable
 */
export type AssertSound = (asked: Pick<SandboxSpec, 'profile' | 'runtime' | 'network'>) => void

/**
 * The OCI runtime that gives a task the isolation it asks for.
 * @throws runtime_unavailable: never a weaker one instead
 */
export function chooseRuntime(isolation: Isolation, policy: RuntimePolicy, probe: EngineProbe): string {
  const name = runtimeFor(isolation, policy, probe)
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

function runtimeFor(isolation: Isolation, policy: RuntimePolicy, probe: EngineProbe): string {
  switch (isolation) {
    case 'container':
      return probe.defaultRuntime
    case 'gvisor':
      return policy.gvisorRuntime ?? refuseUnset('gVisor', 'isolation.gvisorRuntime')
    case 'microvm':
      return policy.microVmRuntime ?? refuseUnset('microVM', 'microVM_runtime')
    default:
      return isolation satisfies never
  }
}

function refuseUnset(what: string, key: string): never {
  throw new ErrandError('runtime_unavailable', `this node offers no ${what}: ${key} is not set`)
}

/**
 * The device and the folder that a task gets for SGX; undefined for a task that asks for none. Whether they are there is
 * the engine's to say: this process may not see its host.
 * @throws runtime_unavailable where the owner offers none, and for what is no container: another kernel has no device of the
 * host's
 */
export function chooseSgx(
  { sgx, isolation }: Pick<Task, 'sgx' | 'isolation'>,
  offered: SgxPaths | undefined,
): SgxPaths | undefined {
  if (!sgx) return undefined
  if (offered === undefined) {
    throw new ErrandError('runtime_unavailable', 'this node offers no SGX: sgx.enable is not set')
  }
  if (isolation !== 'container') {
    const where = isolation === 'microvm' ? 'in a microVM' : 'under gVisor'
    throw new ErrandError('runtime_unavailable', `SGX is not to be had ${where}; ask for a "container"`)
  }
  return offered
}
