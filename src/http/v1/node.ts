import { endsWithin } from '../../core/wait.ts'
import { abortable } from '../../util/abort.ts'
import type { NodeView } from '../contract/node-view.ts'
import type { Operation } from '../contract/operation.ts'
import {
  changeNodeConfig,
  drainNode,
  getNode,
  getNodeConfig,
  pauseNode,
  unpauseNode,
} from '../contract/operations/node.ts'
import { toGrantChange, viewGrant, viewNode } from './node-views.ts'
import { type Route, route, type V1Deps } from './route.ts'

const get = route(getNode, async (_call, deps) => ({ status: 200, value: view(deps) }))

const drain = route(drainNode, async ({ principal, query: { timeoutMs }, signal }, deps) => {
  using _slot = deps.waits.take(principal.caller.id)
  const isEmpty = await untilEmpty(deps, timeoutMs, signal)
  return { status: isEmpty ? 200 : 202, value: view(deps) }
})

const getConfig = route(getNodeConfig, async (_call, { node }) => ({ status: 200, value: viewGrant(node.grant) }))

const changeConfig = route(changeNodeConfig, async ({ body }, { node }) => {
  return { status: 200, value: viewGrant(node.adjust(toGrantChange(body))) }
})

export const NODE_ROUTES: readonly Route[] = [
  get,
  control('pause', pauseNode),
  control('unpause', unpauseNode),
  drain,
  getConfig,
  changeConfig,
]

function control(verb: 'pause' | 'unpause', operation: Operation<NodeView>): Route {
  return route(operation, async (_call, deps) => {
    await deps.node[verb]()
    return { status: 200, value: view(deps) }
  })
}

function view(deps: V1Deps): NodeView {
  return viewNode(deps, deps.node.describe(), deps.executions.counts())
}

/**
 * Whether all that was accepted has ended within that time, but for requests for later that no task has got: those are kept, and
 * cannot be begun while work is refused.
 * @throws what `pause` throws; signal.reason
 */
function untilEmpty(
  { node, executions, later, clock }: V1Deps,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  return endsWithin(clock, timeoutMs, signal, async (within) => {
    await abortable(node.pause(), within)
    await later.untilNoneUnderWay(within)
    await executions.untilNone(within)
  })
}
