import { ErrandError } from '../core/errors.ts'
import { ISOLATIONS } from '../core/task.ts'
import { chooseRuntime, type RuntimePolicy } from '../engine/choose.ts'
import type { EngineProbe } from '../engine/engine.ts'
import type { IsolationOffer } from './node-api.ts'

/** What tasks can ask for here, found out the way in which they would. */
export function offeredIsolations(policy: RuntimePolicy, probe: EngineProbe): IsolationOffer[] {
  return ISOLATIONS.map((isolation) => {
    try {
      return { isolation, runtime: chooseRuntime(isolation, policy, probe), refusal: undefined }
    } catch (thrown) {
      return { isolation, runtime: undefined, refusal: ErrandError.from(thrown).message }
    }
  })
}
