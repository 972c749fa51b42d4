import { emptyBody, noQuery } from '../contract/requests.ts'
import { type Route, route } from './route.ts'
import { viewNode } from './views.ts'

const get = route({
  method: 'GET',
  path: '/v1/node',
  scope: 'read',
  query: noQuery,
  body: emptyBody,
  async handle(_call, { node, nodeName }) {
    return { status: 200, value: viewNode(node, nodeName) }
  },
})

export const NODE_ROUTES: readonly Route[] = [get, control('pause'), control('unpause')]

function control(verb: 'pause' | 'unpause'): Route {
  return route({
    method: 'POST',
    path: `/v1/node/${verb}`,
    scope: 'operate',
    query: noQuery,
    body: emptyBody,
    async handle(_call, { node, nodeName }) {
      await node[verb]()
      return { status: 200, value: viewNode(node, nodeName) }
    },
  })
}
