import type { Config } from './config.ts'
import { ConfigError, type ConfigProblem, type Origin } from './config-error.ts'
import { defaultValues } from './defaults.ts'
import { readEnvironment } from './environment.ts'
import { readFault } from './fault-variable.ts'
import { type ConfigFlags, readFlags } from './flags.ts'
import { type ConfigHost, thisHost } from './host.ts'
import { checkEntries, type Entry, type Layer } from './layer.ts'
import { CONFIG_KEYS, toConfig } from './schema.ts'
import { readYaml } from './yaml-file.ts'

/** Read when no file is named: the path of the original executor's container, then ours. */
const USUAL_FILES = ['/app/mecanywhere_executor.yaml', '/etc/errand/errand.yaml']

export interface LoadedConfig {
  readonly config: Config
  /** Each key's effective value as it was written, in the order of the documentation. */
  readonly values: readonly EffectiveValue[]
}

export interface EffectiveValue {
  readonly key: string
  readonly value: unknown
  readonly origin: Origin
}

/**
 * Flags over environment over file over defaults.
 * @throws ConfigError with every problem of every source
 */
export function loadConfig(flags: ConfigFlags = {}, host: ConfigHost = thisHost()): LoadedConfig {
  const layers = [readFile(flags, host), readEnvironment(host.environment), readFlags(flags)]
  const fault = readFault(host.environment, flags.enableFaults === true)
  const problems = [...layers.flatMap((layer) => [...layer.problems, ...checkEntries(layer)]), ...fault.problems]
  if (problems.length > 0) throw new ConfigError(problems)
  const values = mergeLayers(layers, host)
  const config = toConfig(Object.fromEntries(values.map(({ key, value }) => [key, value])))
  return { config: fault.fault === undefined ? config : { ...config, fault: fault.fault }, values }
}

function mergeLayers(layers: readonly Layer[], host: ConfigHost): EffectiveValue[] {
  const given = new Map<string, Entry>(layers.flatMap(({ entries }) => entries.map((entry) => [entry.key, entry])))
  const defaults = defaultValues(host, given.get('runDir')?.value, given.get('stateDir')?.value)
  return CONFIG_KEYS.map((key) => {
    const entry = given.get(key)
    if (entry === undefined) return { key, value: defaults[key], origin: { kind: 'default' } }
    return { key, value: entry.value, origin: entry.origin }
  })
}

function readFile(flags: ConfigFlags, host: ConfigHost): Layer {
  const named = flags.config ?? (host.environment.ERRAND_CONFIG || undefined)
  const path = named ?? USUAL_FILES.find((usual) => host.exists(usual))
  if (path === undefined) return { entries: [], problems: [] }
  try {
    return readYaml(path, host.readText(path))
  } catch (error) {
    return { entries: [], problems: [unreadable(path, error)] }
  }
}

function unreadable(path: string, error: unknown): ConfigProblem {
  const reason = error instanceof Error ? error.message : String(error)
  return { origin: { kind: 'file', path, line: 1 }, key: undefined, message: `cannot be read: ${reason}` }
}
