import { type InstanceList, type InstanceView, instanceList, instanceView } from '../instance-view.ts'
import { type InvocationView, invocationView } from '../invocation-view.ts'
import type { Nothing, Operation } from '../operation.ts'
import { type PageParams, pageQuery, type TaskQuery, taskQuery } from '../requests.ts'
import { type NamedTaskBody, type NamedTaskBodyIn, namedTaskBody } from '../task-body.ts'
import { type TaskPage, type TaskView, taskPage, taskView } from '../task-view.ts'

export const listTasks: Operation<TaskPage, Nothing, PageParams> = {
  id: 'listTasks',
  method: 'GET',
  path: '/v1/tasks',
  scope: 'read',
  tag: 'tasks',
  summary: 'List named tasks, by name.',
  query: pageQuery,
  answers: { 200: { description: 'One page.', value: taskPage } },
}

export const getTask: Operation<TaskView, Nothing, TaskQuery> = {
  id: 'getTask',
  method: 'GET',
  path: '/v1/tasks/{name}',
  scope: 'read',
  tag: 'tasks',
  summary: 'Read a named task. The values of its environment are not told.',
  query: taskQuery,
  answers: { 200: { description: 'The task.', value: taskView } },
  errors: ['not_found'],
}

export const putTask: Operation<TaskView, NamedTaskBody, Nothing, NamedTaskBodyIn> = {
  id: 'putTask',
  method: 'PUT',
  path: '/v1/tasks/{name}',
  scope: 'submit',
  tag: 'tasks',
  summary: 'Define a task, or define it anew.',
  description:
    'Nothing is started before the first request. Where it is another task from now on, the instances that there are end what they are answering and go.',
  body: namedTaskBody,
  answers: {
    200: { description: 'It was there before.', value: taskView },
    201: { description: 'It is new.', value: taskView, headers: { location: 'where it is' } },
  },
  errors: ['unsupported', 'resources_unsatisfiable', 'runtime_unavailable', 'network_unavailable', 'storage_full'],
  examples: {
    server: {
      summary: 'A web server that is ready when it answers',
      body: { image: 'nginx:alpine', port: 80, readiness: 'http:/', resources: { memory: '64MiB' } },
    },
  },
}

export const removeTask: Operation<undefined, Nothing, TaskQuery> = {
  id: 'removeTask',
  method: 'DELETE',
  path: '/v1/tasks/{name}',
  scope: 'submit',
  tag: 'tasks',
  summary: 'Forget a named task. Its instances end what they are answering and go.',
  query: taskQuery,
  answers: { 204: { description: 'It is forgotten.' } },
  errors: ['not_found', 'storage_full'],
}

export const invokeTask: Operation<InvocationView | undefined> = {
  id: 'invokeTask',
  method: 'ANY',
  path: '/v1/tasks/{name}/invoke/{path...}',
  scope: 'submit',
  tag: 'tasks',
  summary: 'Send one request to a task, whatever it is, and get what the task answers.',
  description:
    'Method, the path below `invoke`, query, headers and body go to a warm instance, or to one that is started for it; status, headers, body and trailers come back, all as they come. An answer of the task has the header `errand-instance`; one of the node has `errand-code`. With `Prefer: respond-async` the request is kept, and answered later: the answer to that is a record, with where it is.',
  headers: {
    prefer: '`respond-async`: answer when the request will not be forgotten, and let the task answer later',
    'idempotency-key': 'of a request for later: 1 to 255 visible ASCII characters of your choice',
    'errand-idempotent': '`true`: a request for later may be sent to the task again when the node ends amid it',
    'errand-webhook': 'of a request for later: the URL that is told when it has ended',
  },
  streamedBody: '*',
  answers: {
    200: {
      description: 'Whatever the task answers, with any status.',
      streams: { '*/*': undefined },
      headers: { 'errand-instance': 'which instance has answered' },
    },
    202: {
      description: 'The request is kept.',
      value: invocationView,
      headers: { location: 'where its record is', 'preference-applied': '`respond-async`' },
    },
  },
  errors: [
    'not_found',
    'unsupported',
    'resources_unsatisfiable',
    'resources_exhausted',
    'paused',
    'draining',
    'engine_unavailable',
    'runtime_unavailable',
    'network_unavailable',
    'image_not_found',
    'image_auth',
    'image_invalid',
    'image_pull_timeout',
    'registry_unavailable',
    'storage_full',
    'key_conflict',
    'command_not_found',
    'not_ready',
    'task_exited',
    'task_gone',
    'crash_loop',
    'task_connection_closed',
    'bad_task_response',
    'deadline_exceeded',
  ],
}

export const listInstances: Operation<InstanceList> = {
  id: 'listInstances',
  method: 'GET',
  path: '/v1/instances',
  scope: 'read',
  tag: 'instances',
  summary: 'List warm instances.',
  answers: { 200: { description: 'All of them.', value: instanceList } },
}

export const getInstance: Operation<InstanceView> = {
  id: 'getInstance',
  method: 'GET',
  path: '/v1/instances/{id}',
  scope: 'read',
  tag: 'instances',
  summary: 'Read what a warm instance does.',
  answers: { 200: { description: 'The instance.', value: instanceView } },
  errors: ['not_found'],
}

export const removeInstance: Operation<undefined> = {
  id: 'removeInstance',
  method: 'DELETE',
  path: '/v1/instances/{id}',
  scope: 'submit',
  tag: 'instances',
  summary: 'Give a warm instance no more requests, and remove it when it has answered those that it has.',
  answers: { 202: { description: 'It is leaving.' } },
  errors: ['not_found'],
}
