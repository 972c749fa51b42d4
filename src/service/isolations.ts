import { ErrandError } from '../core/errors.ts'
import { ISOLATIONS } from '../core/task.ts'
import { chooseRuntime, type RuntimePolicy } from '../engine/choose.ts'
import type { EngineProbe, LimitName } from '../engine/engine.ts'
import type { IsolationOffer } from './node-api.ts'

const ALL: readonly LimitName[] = ['cpu', 'memory', 'pids']

/** What tasks can ask for here, found out the way in which they would. */
export function offeredIsolations(policy: RuntimePolicy, probe: EngineProbe): IsolationOffer[] {
  return ISOLATIONS.map((isolation) => {
    try {
      const runtime = chooseRuntime(isolation, policy, probe)
      return { isolation, runtime, refusal: undefined, unenforced: unenforcedBy(runtime, probe) }
    } catch (thrown) {
      return { isolation, runtime: undefined, refusal: ErrandError.from(thrown).message, unenforced: [] }
    }
  })
}

/** An engine may know that limits do not bind, and not which. */
function unenforcedBy(name: string, { runtimes }: EngineProbe): readonly LimitName[] {
  const runtime = runtimes.get(name)
  return runtime?.unenforced ?? (runtime?.enforcesLimits === false ? ALL : [])
}
