import { ErrandError } from '../../core/errors.ts'
import { ISOLATIONS } from '../../core/task.ts'
import { chooseRuntime, type RuntimePolicy } from '../../engine/choose.ts'
import type { EngineProbe } from '../../engine/engine.ts'

/** One way to keep a task apart, and whether this machine has it. */
export interface IsolationRow {
  readonly isolation: string
  readonly isOffered: boolean
  /** By what it is done, or why not. */
  readonly why: string
}

/** Names that an Engine lists for programs which have a name of their own beside them. */
const ALIAS = 'io.containerd.'

/** Pure. */
export function isolationTable(probe: EngineProbe, policy: RuntimePolicy): IsolationRow[] {
  const asked = ISOLATIONS.map((isolation): IsolationRow => {
    try {
      const runtime = chooseRuntime(isolation, policy, probe)
      return { isolation, isOffered: true, why: describe(runtime, probe) }
    } catch (error) {
      return { isolation, isOffered: false, why: ErrandError.from(error).message }
    }
  })
  const used = new Set([probe.defaultRuntime, policy.gvisorRuntime, policy.microVmRuntime])
  const others = [...probe.runtimes.keys()].filter((name) => !used.has(name) && !name.startsWith(ALIAS))
  return [
    ...asked,
    ...others.map((name) => ({
      isolation: `runtime ${name}`,
      isOffered: false,
      why: `not chosen; ${describe(name, probe)}`,
    })),
  ]
}

function describe(name: string, { runtimes }: EngineProbe): string {
  const runtime = runtimes.get(name)
  const limits = runtime?.enforcesLimits === true ? 'limits bind' : 'limits do not bind'
  return `${name}: ${limits}; ${runtime?.hasUnixSocket === true ? 'unix socket and port' : 'port only'}`
}
