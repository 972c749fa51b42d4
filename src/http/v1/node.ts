import type { NodeView } from '../contract/node-view.ts'
import type { Operation } from '../contract/operation.ts'
import { getNode, pauseNode, unpauseNode } from '../contract/operations/node.ts'
import { type Route, route } from './route.ts'
import { viewNode } from './views.ts'

const get = route(getNode, async (_call, { node, nodeName }) => ({ status: 200, value: viewNode(node, nodeName) }))

export const NODE_ROUTES: readonly Route[] = [get, control('pause', pauseNode), control('unpause', unpauseNode)]

function control(verb: 'pause' | 'unpause', operation: Operation<NodeView>): Route {
  return route(operation, async (_call, { node, nodeName }) => {
    await node[verb]()
    return { status: 200, value: viewNode(node, nodeName) }
  })
}
