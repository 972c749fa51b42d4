import { ErrandError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { type Answer, refusal } from '../refusal.ts'
import type { Route } from './route.ts'

export interface Matched {
  readonly route: Route
  readonly id: string
}

const NOT_FOUND = refusal(404, 'there is nothing at this path')
const ID = '{id}'

/**
 * Finds the route of a path, as it came: nothing is decoded or made shorter, since no path of ours needs that, and an id
 * that is none is at no path. Made once.
 */
export class RouteTable {
  /** By the path, with `{id}` in it. */
  readonly #routes = new Map<string, Map<string | undefined, Route>>()

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const methods = this.#routes.get(route.path) ?? new Map()
      this.#routes.set(route.path, methods.set(route.method, route))
    }
  }

  match(method: string | undefined, path: string): Matched | Answer {
    const parts = path.split('/', 6)
    const id = parts[2] === 'executions' ? (parts[3] ?? '') : ''
    if (id !== '' && !isId(id)) return NOT_FOUND
    const methods = this.#routes.get(id === '' ? path : path.replace(`/executions/${id}`, `/executions/${ID}`))
    if (methods === undefined) return NOT_FOUND
    const route = methods.get(method)
    if (route !== undefined) return { route, id }
    const allow = [...methods.keys()].join(', ')
    return refusal(405, `this path takes ${allow}`, allow)
  }
}

/** The parameters of a query. @throws validation_failed for one that is given twice */
export function readQuery(text: string): Readonly<Record<string, string>> {
  const entries = [...new URLSearchParams(text)]
  const repeated = entries.find(([name], index) => entries.findIndex(([other]) => other === name) < index)
  if (repeated !== undefined)
    throw new ErrandError('validation_failed', `query: ${repeated[0].slice(0, 64)} is given twice`)
  return Object.fromEntries(entries)
}
