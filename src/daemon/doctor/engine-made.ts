import { basename } from 'node:path'
import type { EngineProbe, RuntimeProbe, SandboxSpec } from '../../engine/engine.ts'
import type { HostLook } from './host-look.ts'
import { type GatedComponent, type Hole, holesOf } from './version-gates.ts'

/** What an engine is made of, by what its versions are known for. */
export interface EngineMade {
  /** Of the engine itself and what every task goes through. */
  readonly components: readonly (readonly [GatedComponent, string])[]
  /** What runs tasks, by the runtime's name; without a version where that is not told. */
  readonly runtimes: ReadonlyMap<string, { readonly program: Program; readonly version: string | undefined }>
}

type Program = 'runc' | 'runsc' | 'kata' | 'other'

const COMPONENTS: readonly (readonly [string, GatedComponent])[] = [
  ['engine', 'Docker Engine'],
  ['containerd', 'containerd'],
]

/** An engine tells its own versions and that of its runc; the other runtimes are asked, where they are in sight. */
export async function lookAtEngineMade(
  { components = new Map(), runtimes }: Pick<EngineProbe, 'components' | 'runtimes'>,
  look: Pick<HostLook, 'ask'>,
): Promise<EngineMade> {
  const versionOf = async (program: Program, path: string): Promise<string | undefined> => {
    if (program === 'runc') return components.get('runc')
    return program === 'runsc' ? askVersion(look, path) : undefined
  }
  const looked = [...runtimes].map(async ([name, runtime]) => {
    const program = programOf(name, runtime)
    return [name, { program, version: await versionOf(program, runtime.program ?? '') }] as const
  })
  return {
    components: COMPONENTS.flatMap(([name, component]) => {
      const version = components.get(name)
      return version === undefined ? [] : [[component, version] as const]
    }),
    runtimes: new Map(await Promise.all(looked)),
  }
}

/** By its path or, where only a shim is told, its name. What cannot be told apart counts as the engine's own runc. */
function programOf(name: string, { program = name }: RuntimeProbe): Program {
  if (/runsc|gvisor/i.test(program)) return 'runsc'
  if (/kata/i.test(program)) return 'kata'
  return /^(crun|youki|runj)$/.test(basename(program)) ? 'other' : 'runc'
}

/** Asks a program by its absolute path; undefined where it does not say. */
export async function askVersion(look: Pick<HostLook, 'ask'>, path: string): Promise<string | undefined> {
  if (!path.startsWith('/')) return undefined
  const told = await look.ask(path, '--version')
  return /(release-\d[\w.]{0,40}|\d{1,4}\.\d{1,4}\.\d{1,6}[\w.+~-]{0,40})/.exec(told ?? '')?.[1]
}

/** What exposes work under the profile `strict`. @param tasksNetwork what the network of warm tasks is */
export function holesFor(
  { components, runtimes }: EngineMade,
  { runtime, network }: Pick<SandboxSpec, 'runtime' | 'network'>,
  tasksNetwork: 'internal' | 'egress',
): Hole[] {
  const { program, version } = runtimes.get(runtime) ?? { program: 'runc' }
  const own = program === 'other' || version === undefined ? [] : holesOf(program, version)
  const holes = [...components.flatMap(([component, text]) => holesOf(component, text)), ...own]
  // Executions on an internal network get no resolver. Only warm tasks have the Engine's.
  const looksUpNames = network === 'tasks' && tasksNetwork === 'internal'
  return holes.filter(({ exposes }) => exposes !== 'names' || looksUpNames)
}

/** The same, of all runtimes and networks that there are: each once. */
export function allHoles(made: EngineMade, tasksNetwork: 'internal' | 'egress'): Hole[] {
  const holes = [...made.runtimes.keys()].flatMap((runtime) =>
    holesFor(made, { runtime, network: 'tasks' }, tasksNetwork),
  )
  return [...new Map(holes.map((hole) => [hole.found, hole])).values()]
}

/** Whom a hole exposes, for a sentence about the profile. */
export function whereRefused({ component, exposes }: Hole): string {
  if (exposes === 'all') return 'here'
  return exposes === 'own' ? `with ${component} here` : 'here for warm tasks, whose network is internal'
}
