import { closest } from 'fastest-levenshtein'
import type { ConfigProblem } from './config-error.ts'
import type { ConfigHost } from './host.ts'
import type { Entry, Layer } from './layer.ts'
import { CONFIG_KEYS } from './schema.ts'
import { readText } from './text-value.ts'

/** Errand's variables that are no keys: of the launcher, of clients, of tasks, and what tests are told. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  'ERRAND_NODE',
  'ERRAND_CONFIG',
  'ERRAND_HOST',
  'ERRAND_TOKEN_FILE',
  'ERRAND_CA_FILE',
  'ERRAND_SOCKET',
  'ERRAND_FAULT',
  'ERRAND_TEST_FULL',
  'ERRAND_TEST_SEED',
])

/** Lists and mappings have no variable, except `listen`, whose items are separated by commas. */
const FILE_ONLY: ReadonlySet<string> = new Set([
  'allowedHosts',
  'executions.inputPresets',
  'executions.presets',
  'executions.publishAddresses',
  'images.allow',
  'images.privateRegistries',
  'isolation.runtimes',
  'tasks.presets',
  'webhooks.allow',
  'webhooks.privateAddresses',
])

/** The variable of a key: `ERRAND_TASKS_START_TIMEOUT_MS`; undefined when it has none. */
export function variableOf(key: string): string | undefined {
  return FILE_ONLY.has(key) ? undefined : variableName(key)
}

function variableName(key: string): string {
  if (key === 'node') return 'ERRAND_NODE_NAME'
  return `ERRAND_${key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`
}

const KEY_OF: ReadonlyMap<string, string> = new Map(CONFIG_KEYS.map((key) => [variableName(key), key]))

/** An empty variable counts as not set. */
export function readEnvironment(environment: ConfigHost['environment']): Layer {
  const entries: Entry[] = []
  const problems: ConfigProblem[] = []
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('ERRAND_') || OTHER_VARIABLES.has(name) || text === undefined || text === '') continue
    const origin = { kind: 'environment', name } as const
    const key = KEY_OF.get(name)
    if (key === undefined) problems.push({ origin, key: undefined, message: unknownVariable(name) })
    else if (FILE_ONLY.has(key)) problems.push({ origin, key, message: 'cannot be set by a variable: use the file' })
    else entries.push({ key, value: key === 'listen' ? readList(text) : readText(key, text), origin })
  }
  return { entries, problems }
}

function readList(text: string): string[] {
  return text.split(',').map((item) => item.trim())
}

function unknownVariable(name: string): string {
  const known = CONFIG_KEYS.flatMap((key) => variableOf(key) ?? [])
  return `is not a known variable; the nearest is ${closest(name, known)}`
}
