import { type EventView, eventView } from '../event-view.ts'
import { type NodeView, nodeView } from '../node-view.ts'
import type { Nothing, Operation } from '../operation.ts'
import { type EventsQuery, eventsQuery } from '../requests.ts'

const NODE = { description: 'The node.', value: nodeView }

export const getNode: Operation<NodeView> = {
  id: 'getNode',
  method: 'GET',
  path: '/v1/node',
  scope: 'read',
  tag: 'node',
  summary: 'Read what the node offers and uses.',
  answers: { 200: NODE },
}

export const pauseNode: Operation<NodeView> = {
  id: 'pauseNode',
  method: 'POST',
  path: '/v1/node/pause',
  scope: 'operate',
  tag: 'node',
  summary: 'Refuse new work, wait for invocations under way and remove warm instances. Executions run on.',
  answers: { 200: NODE },
  errors: ['cancelled', 'draining'],
}

export const unpauseNode: Operation<NodeView> = {
  id: 'unpauseNode',
  method: 'POST',
  path: '/v1/node/unpause',
  scope: 'operate',
  tag: 'node',
  summary: 'Take work again.',
  answers: { 200: NODE },
  errors: ['draining'],
}

export const followEvents: Operation<EventView, Nothing, EventsQuery> = {
  id: 'followEvents',
  method: 'GET',
  path: '/v1/events',
  scope: 'read',
  tag: 'node',
  summary: 'Follow every change of the status of an execution.',
  description: 'An event named `gap` says that some are not kept any more: look at the records yourself.',
  query: eventsQuery,
  headers: { 'last-event-id': 'the `seq` after which to go on; it wins over `since`' },
  answers: {
    200: { description: 'Events named `execution`, without end.', streams: { 'text/event-stream': eventView } },
  },
}
