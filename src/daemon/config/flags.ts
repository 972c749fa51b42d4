import { isConfigKey, unknownKey } from './check-value.ts'
import type { ConfigProblem } from './config-error.ts'
import type { Entry, Layer } from './layer.ts'
import { readText } from './text-value.ts'

/** What the command line can say about the configuration, as text. */
export interface ConfigFlags {
  /** The file. */
  readonly config?: string
  readonly listen?: readonly string[]
  readonly stateDir?: string
  readonly runDir?: string
  readonly node?: string
  readonly dockerHost?: string
  readonly cpu?: string
  readonly mem?: string
  readonly logLevel?: string
  /** `KEY=VALUE` each. */
  readonly set?: readonly string[]
  /** Lets the variable `ERRAND_FAULT` say where the daemon is to die. */
  readonly enableFaults?: boolean
}

/** Flags with a name of their own. */
const KEY_FLAGS = [
  ['stateDir', '--state-dir', 'stateDir'],
  ['runDir', '--run-dir', 'runDir'],
  ['node', '--node', 'node'],
  ['dockerHost', '--docker-host', 'docker.host'],
  ['cpu', '--cpu', 'cpu'],
  ['mem', '--mem', 'mem'],
  ['logLevel', '--log-level', 'log.level'],
] as const

export function readFlags(flags: ConfigFlags): Layer {
  const entries: Entry[] = []
  const problems: ConfigProblem[] = []
  for (const [property, name, key] of KEY_FLAGS) {
    const text = flags[property]
    if (text !== undefined) entries.push({ key, value: readText(key, text), origin: { kind: 'flag', name } })
  }
  if (flags.listen !== undefined) {
    entries.push({ key: 'listen', value: flags.listen, origin: { kind: 'flag', name: '--listen' } })
  }
  for (const assignment of flags.set ?? []) readAssignment(assignment, entries, problems)
  return { entries, problems: [...problems, ...findRepeated(entries)] }
}

function readAssignment(assignment: string, entries: Entry[], problems: ConfigProblem[]): void {
  const origin = { kind: 'flag', name: '--set' } as const
  const at = assignment.indexOf('=')
  const key = assignment.slice(0, Math.max(at, 0))
  if (at <= 0)
    problems.push({ origin, key: undefined, message: `must be KEY=VALUE, not ${JSON.stringify(assignment)}` })
  else if (!isConfigKey(key)) problems.push({ origin, key, message: unknownKey(key) })
  else entries.push({ key, value: readText(key, assignment.slice(at + 1)), origin })
}

function findRepeated(entries: readonly Entry[]): ConfigProblem[] {
  const repeated = entries.filter(({ key }, index) => entries.findIndex((other) => other.key === key) < index)
  return repeated.map(({ key, origin }) => ({ origin, key, message: 'is given twice on the command line' }))
}
