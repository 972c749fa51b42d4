import { ErrandError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import { type Answer, refusal } from '../refusal.ts'
import type { Route } from './route.ts'

export interface Matched {
  readonly route: Route
  readonly id: string
  readonly tail: string
}

/** One step of the paths that begin alike. */
interface Step {
  readonly next: Map<string, Step>
  /** Any id in the place of `{name}`. */
  byId?: Step
  /** What ends here, by method. */
  readonly routes: Map<string, Route>
  /** What ends in `{path...}`, whatever follows. */
  readonly open: Map<string, Route>
}

const NOT_FOUND = refusal(404, 'there is nothing at this path')
const ANY = 'ANY'

/**
 * Finds the route of a path, as it came: nothing is decoded or made shorter, since no path of ours needs that, and an id
 * that is none is at no path. What a tail says is its route's to judge. Made once.
 */
export class RouteTable {
  readonly #root: Step = newStep()

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route)
  }

  match(method: string | undefined, path: string): Matched | Answer {
    let step = this.#root
    let open: Matched | Answer = NOT_FOUND
    let id = ''
    let at = 0
    while (at < path.length) {
      // `/v1/tasks/x/invoke` and all that is below it, the more exact path first.
      if (step.open.size > 0) open = find(step.open, method, id, path.slice(at))
      const end = endOfPart(path, at + 1)
      const part = path.slice(at + 1, end)
      const fixed = step.next.get(part)
      if (fixed === undefined && (step.byId === undefined || !isId(part))) return open
      if (fixed === undefined && id === '') id = part
      step = fixed ?? step.byId ?? step
      at = end
    }
    if (step.routes.size > 0) return find(step.routes, method, id, '')
    return step.open.size > 0 ? find(step.open, method, id, '') : open
  }

  #add(route: Route): void {
    let step = this.#root
    const { path, method } = route.operation
    for (const part of path.slice(1).split('/')) {
      if (part === '{path...}') {
        step.open.set(method, route)
        return
      }
      step = part.startsWith('{') ? idStepOf(step) : fixedStepOf(step, part)
    }
    step.routes.set(method, route)
  }
}

function find(
  routes: ReadonlyMap<string, Route>,
  method: string | undefined,
  id: string,
  tail: string,
): Matched | Answer {
  // Node sends no body in answer to a HEAD.
  const asked = method === 'HEAD' && !routes.has('HEAD') ? 'GET' : (method ?? '')
  const route = routes.get(asked) ?? routes.get(ANY)
  if (route !== undefined) return { route, id, tail }
  const allow = [...routes.keys()].flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])).join(', ')
  return refusal(405, `this path takes ${allow}`, allow)
}

function endOfPart(path: string, from: number): number {
  const at = path.indexOf('/', from)
  return at === -1 ? path.length : at
}

function newStep(): Step {
  return { next: new Map(), routes: new Map(), open: new Map() }
}

function idStepOf(step: Step): Step {
  step.byId ??= newStep()
  return step.byId
}

function fixedStepOf(step: Step, part: string): Step {
  const known = step.next.get(part) ?? newStep()
  step.next.set(part, known)
  return known
}

/** The parameters of a query, lists of those that may be repeated. @throws validation_failed for another given twice */
export function readQuery(
  text: string,
  repeated: readonly string[] = [],
): Readonly<Record<string, string | readonly string[]>> {
  const entries = [...new URLSearchParams(text)]
  const single = entries.filter(([name]) => !repeated.includes(name))
  const twice = single.find(([name], index) => single.findIndex(([other]) => other === name) < index)
  if (twice !== undefined) throw new ErrandError('validation_failed', `query: ${twice[0].slice(0, 64)} is given twice`)
  const lists = repeated.flatMap((name) => {
    const values = entries.filter(([other]) => other === name).map(([, value]) => value)
    return values.length === 0 ? [] : [[name, values] as const]
  })
  return Object.fromEntries([...single, ...lists])
}
