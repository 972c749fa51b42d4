import { type EventView, eventView } from '../event-view.ts'
import {
  type ConfigVersionView,
  configVersionView,
  type NodeConfigView,
  type NodeView,
  nodeConfigView,
  nodeView,
} from '../node-view.ts'
import type { Nothing, Operation } from '../operation.ts'
import {
  type EventsQuery,
  eventsQuery,
  type NodeConfigBody,
  nodeConfigBody,
  type WaitQuery,
  waitQuery,
} from '../requests.ts'

const TAG = 'the version of the configuration, for `if-match`'

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

export const drainNode: Operation<NodeView, Nothing, WaitQuery> = {
  id: 'drainNode',
  method: 'POST',
  path: '/v1/node/drain',
  scope: 'operate',
  tag: 'node',
  summary: 'Refuse new work, as a pause does, and wait until every execution that was accepted has ended.',
  description:
    'Requests for later that are with a task are waited for; those that wait are kept until work is taken again.',
  query: waitQuery,
  answers: {
    200: { description: 'No execution is left; requests for later are kept.', value: nodeView },
    202: { description: 'The time is up before that: ask again. Work is refused all the same.', value: nodeView },
  },
  errors: ['cancelled', 'draining'],
}

export const getNodeConfig: Operation<NodeConfigView> = {
  id: 'getNodeConfig',
  method: 'GET',
  path: '/v1/node/config',
  scope: 'operate',
  tag: 'node',
  summary: 'Read what the owner grants, and which configuration that makes.',
  answers: { 200: { description: 'The grant.', value: nodeConfigView, headers: { etag: TAG } } },
}

export const changeNodeConfig: Operation<NodeConfigView, NodeConfigBody, Nothing, NodeConfigBody<number | string>> = {
  id: 'changeNodeConfig',
  method: 'PATCH',
  path: '/v1/node/config',
  scope: 'operate',
  tag: 'node',
  summary: 'Change what the owner grants, until the daemon is started again.',
  description:
    'What runs goes on, whatever it has; new work waits until it fits. Capped at what the host has. Each change is a new version of the configuration, kept before it is in force.',
  body: nodeConfigBody,
  headers: {
    'if-match': 'change only this version, as the `etag` of an answer before; 412 when it is another one by now',
  },
  answers: { 200: { description: 'The grant as it is now.', value: nodeConfigView, headers: { etag: TAG } } },
  errors: ['storage_full'],
  examples: { smaller: { summary: 'Keep half a gibibyte for oneself', body: { memory: '512MiB' } } },
}

export const getConfigVersion: Operation<ConfigVersionView> = {
  id: 'getConfigVersion',
  method: 'GET',
  path: '/v1/node/config/{version}',
  scope: 'operate',
  tag: 'node',
  summary: 'Read all that the node ran with under one version of its configuration.',
  description: 'The last 100 are kept, and those that an execution names which has not ended.',
  answers: { 200: { description: 'The configuration.', value: configVersionView } },
  errors: ['not_found'],
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
