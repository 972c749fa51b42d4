import { closest } from 'fastest-levenshtein'
import type { z } from 'zod'
import { LISTENER_KEYS } from './listen.ts'
import { CONFIG_FIELDS, CONFIG_KEYS } from './schema.ts'

/** Everything above a key: `tasks` is one, `cpu` is not. */
const SECTIONS: ReadonlySet<string> = new Set(CONFIG_KEYS.flatMap((key) => key.split('.').slice(0, -1)))

/** Keys inside the value of a key, for naming the nearest one. */
const INNER_KEYS: Readonly<Record<string, readonly string[]>> = {
  listen: LISTENER_KEYS,
  'isolation.runtimes': ['allowUnenforced'],
  'executions.inputPresets': ['path', 'readOnly'],
}

export function isConfigKey(key: string): boolean {
  return Object.hasOwn(CONFIG_FIELDS, key)
}

export function isSection(key: string): boolean {
  return SECTIONS.has(key)
}

/** Why a key that is neither a key nor a section is refused. */
export function unknownKey(key: string): string {
  const section = [...SECTIONS].find((name) => key.startsWith(`${name}.`))
  const candidates = section === undefined ? [...CONFIG_KEYS, ...SECTIONS] : CONFIG_KEYS.filter(isIn(section))
  return `is not a known key; the nearest is ${closest(key, candidates)}`
}

function isIn(section: string): (key: string) => boolean {
  return (key) => key.startsWith(`${section}.`)
}

export interface ValueProblem {
  /** Below the key: list positions and inner keys. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** What is wrong with a value as it was written; empty when nothing is. */
export function checkValue(key: string, value: unknown): ValueProblem[] {
  if (!isConfigKey(key)) return [{ path: [], message: unknownKey(key) }]
  const { error } = CONFIG_FIELDS[key]?.safeParse(value) ?? {}
  const problems = (error?.issues ?? []).flatMap((issue) => describeIssue(key, issue))
  return problems.filter(({ path, message }, index) => {
    const same = (other: ValueProblem) => other.message === message && other.path.join('.') === path.join('.')
    return problems.findIndex(same) === index
  })
}

function describeIssue(key: string, issue: z.core.$ZodIssue): ValueProblem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message }))
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map((unknown) => ({
    path: [...path, unknown],
    message: `is not a known key; the nearest is ${closest(unknown, INNER_KEYS[key] ?? [])}`,
  }))
}
