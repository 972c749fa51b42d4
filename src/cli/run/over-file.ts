import { ErrandError } from '../../core/errors.ts'
import { type Fields, isFields } from '../body-file.ts'

/** Said by the name of each, and not as a whole. */
const NAMED = ['task', 'env', 'resources', 'labels']
/** Lists, and what tells their items apart. */
const LISTS: Readonly<Record<string, string>> = { inputs: 'target', outputs: 'path' }

/**
 * What a file says of an execution, with what the command line says over it: of variables, resources and labels each by its
 * name, of inputs those for the same target, of outputs those from the same path.
 */
export function overFile(file: Fields, line: Fields): Fields {
  const merged = Object.entries(line).map(([key, value]) => [key, over(key, file[key], value)])
  return { ...file, ...Object.fromEntries(merged) }
}

/** What is not what it should be is left to the node to refuse. */
function over(key: string, before: unknown, value: unknown): unknown {
  if (NAMED.includes(key) && before !== undefined) {
    return isFields(before) && isFields(value) ? overFile(before, value) : before
  }
  const tells = LISTS[key]
  if (tells === undefined || before === undefined) return value
  return Array.isArray(before) && Array.isArray(value) ? overList(before, value, tells) : before
}

function overList(before: readonly unknown[], items: readonly unknown[], tells: string): unknown[] {
  const told = new Set(items.map((item) => fieldOf(item, tells)))
  return [...before.filter((item) => !told.has(fieldOf(item, tells))), ...items]
}

/** The names under which something is to be sent. */
export function uploadsIn({ inputs }: Fields): ReadonlySet<unknown> {
  return new Set(Array.isArray(inputs) ? inputs.map((input) => fieldOf(input, 'upload')) : [])
}

/** @throws validation_failed for an input that is to be sent, and of which nobody says where it is */
export function assertAllSent({ inputs }: Fields, sent: ReadonlySet<unknown>): void {
  for (const input of Array.isArray(inputs) ? inputs : []) {
    const [upload, target] = [fieldOf(input, 'upload'), fieldOf(input, 'target')]
    if (typeof target !== 'string' || upload === undefined || sent.has(upload)) continue
    throw new ErrandError('validation_failed', `nothing is sent for ${target}: say what with --input PATH:${target}`)
  }
}

function fieldOf(item: unknown, key: string): unknown {
  return isFields(item) ? item[key] : undefined
}
