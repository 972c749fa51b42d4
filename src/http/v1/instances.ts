import type { NodeApi } from '../../service/node-api.ts'
import type { Principal } from '../auth.ts'
import type { InstanceView } from '../contract/instance-view.ts'
import { getInstance, listInstances, removeInstance } from '../contract/operations/tasks.ts'
import { viewResources } from './node-views.ts'
import { isOwn, ownOf } from './ownership.ts'
import { type Route, route } from './route.ts'

type WarmInstance = ReturnType<NodeApi['instances']>[number]

const list = route(listInstances, async ({ principal }, { node }) => {
  const own = node.instances().filter((instance) => isOwn(principal, instance))
  return { status: 200, value: { instances: own.map(viewInstance) } }
})

const get = route(getInstance, async ({ principal, id }, { node }) => {
  return { status: 200, value: viewInstance(ownInstance(node, principal, id)) }
})

const remove = route(removeInstance, async ({ principal, id }, { node }) => {
  node.removeInstance(ownInstance(node, principal, id).id)
  return { status: 202 }
})

export const INSTANCE_ROUTES: readonly Route[] = [list, get, remove]

/** @throws not_found for another's, as for one that does not exist */
function ownInstance(node: NodeApi, principal: Principal, id: string): WarmInstance {
  const found = node.instances().find((instance) => instance.id === id)
  return ownOf(principal, found, `instance ${id}`)
}

function viewInstance({ id, callerId, task, state, turns, uses, ageMs, idleMs, ...rest }: WarmInstance): InstanceView {
  const { resources, image } = rest
  const name = task.definition?.name
  return {
    id,
    caller: callerId,
    ...(name !== undefined && { task: name }),
    image: { reference: task.image, id: image.id, ...(image.digest !== undefined && { digest: image.digest }) },
    state,
    active: turns,
    answered: uses,
    ageMs: Math.round(ageMs),
    ...(idleMs !== undefined && { idleMs: Math.round(idleMs) }),
    resources: viewResources(resources),
  }
}
