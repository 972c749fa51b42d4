import { endsWithin } from '../../core/wait.ts'
import type { NodeConfig } from '../../service/node-api.ts'
import { abortable } from '../../util/abort.ts'
import type { NodeConfigView, NodeView } from '../contract/node-view.ts'
import type { Operation } from '../contract/operation.ts'
import {
  changeNodeConfig,
  drainNode,
  getConfigVersion,
  getNode,
  getNodeConfig,
  pauseNode,
  unpauseNode,
} from '../contract/operations/node.ts'
import { assertMatches } from '../if-match.ts'
import { toGrantChange, viewConfig, viewConfigVersion, viewNode } from './node-views.ts'
import { type Reply, type Route, route, type V1Deps } from './route.ts'

const get = route(getNode, async (_call, deps) => ({ status: 200, value: view(deps) }))

const drain = route(drainNode, async ({ principal, query: { timeoutMs }, signal }, deps) => {
  using _slot = deps.waits.take(principal.caller.id)
  const isEmpty = await untilEmpty(deps, timeoutMs, signal)
  return { status: isEmpty ? 200 : 202, value: view(deps) }
})

const getConfig = route(getNodeConfig, async (_call, { node }) => answer(node.config))

const changeConfig = route(changeNodeConfig, async ({ request, body }, { node }) => {
  const ifMatch = request.headers['if-match']
  return answer(await node.adjust(toGrantChange(body), (current) => assertMatches(ifMatch, tagOf(current))))
})

const getVersion = route(getConfigVersion, async ({ id }, { node }) => {
  // What is no number is as unknown as one that was never given.
  return { status: 200, value: viewConfigVersion(await node.loadConfig(/^\d{1,15}$/.test(id) ? Number(id) : 0)) }
})

export const NODE_ROUTES: readonly Route[] = [
  get,
  control('pause', pauseNode),
  control('unpause', unpauseNode),
  drain,
  getConfig,
  changeConfig,
  getVersion,
]

function control(verb: 'pause' | 'unpause', operation: Operation<NodeView>): Route {
  return route(operation, async (_call, deps) => {
    await deps.node[verb]()
    return { status: 200, value: view(deps) }
  })
}

function answer(config: NodeConfig): Reply<NodeConfigView> {
  const tag = tagOf(config)
  return { status: 200, value: viewConfig(config), ...(tag !== undefined && { headers: { etag: tag } }) }
}

function tagOf({ kept }: NodeConfig): string | undefined {
  return kept && `"${kept.version}"`
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
