import { ErrandError } from '../core/errors.ts'
import { ID_PATTERN, isId } from '../core/ids.ts'

/** What stands in a path, by the name that its operation gives it. */
export type PathParams = Readonly<Record<string, string>>

/** What is left undefined is not sent; each of a list is. */
export type QueryParams = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

const PART = /\{(\w+)(\.\.\.)?\}/g

/**
 * The path of one request, from that of its operation. Nothing that is put in can lead to another one: ids are checked
 * and every part of a `{path...}` is escaped. @throws validation_failed
 */
export function operationPath(path: string, params: PathParams = {}, query: QueryParams = {}): string {
  const filled = path.replaceAll(PART, (_all, name: string, isRest?: string) => {
    const value = params[name] ?? ''
    return isRest === undefined ? checkedId(name, value) : escapedRest(value)
  })
  const said = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value]
    for (const each of values) if (each !== undefined) said.append(name, String(each))
  }
  return said.size === 0 ? filled : `${filled}?${said.toString()}`
}

function checkedId(name: string, value: string): string {
  if (isId(value)) return value
  throw new ErrandError('validation_failed', `${name}: must match ${ID_PATTERN}`)
}

function escapedRest(value: string): string {
  const parts = value.split('/').filter((part) => part !== '')
  if (parts.some((part) => part === '.' || part === '..')) {
    throw new ErrandError('validation_failed', 'path: must not hold . or ..')
  }
  return parts.map(encodeURIComponent).join('/')
}
