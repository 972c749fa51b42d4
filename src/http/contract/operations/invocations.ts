import { type InvocationPageView, type InvocationView, invocationPage, invocationView } from '../invocation-view.ts'
import type { Nothing, Operation } from '../operation.ts'
import { type PageParams, pageQuery, type WaitQuery, waitQuery } from '../requests.ts'

export const listInvocations: Operation<InvocationPageView, Nothing, PageParams> = {
  id: 'listInvocations',
  method: 'GET',
  path: '/v1/invocations',
  scope: 'read',
  tag: 'invocations',
  summary: 'List requests that are answered later, the youngest first.',
  query: pageQuery,
  answers: { 200: { description: 'One page.', value: invocationPage } },
}

export const getInvocation: Operation<InvocationView> = {
  id: 'getInvocation',
  method: 'GET',
  path: '/v1/invocations/{id}',
  scope: 'read',
  tag: 'invocations',
  summary: 'Read the record of a request that is answered later.',
  answers: { 200: { description: 'The record.', value: invocationView } },
  errors: ['not_found'],
}

export const waitForInvocation: Operation<InvocationView, Nothing, WaitQuery> = {
  id: 'waitForInvocation',
  method: 'GET',
  path: '/v1/invocations/{id}/wait',
  scope: 'read',
  tag: 'invocations',
  summary: 'Wait until a request has ended.',
  query: waitQuery,
  answers: {
    200: { description: 'It has ended.', value: invocationView },
    202: { description: 'The time is up before its end: ask again.', value: invocationView },
  },
  errors: ['not_found'],
}

export const readInvocationResponse: Operation<undefined> = {
  id: 'readInvocationResponse',
  method: 'GET',
  path: '/v1/invocations/{id}/response',
  scope: 'read',
  tag: 'invocations',
  summary: 'Read what the task has answered.',
  description:
    'The headers and the body of its answer as they came, without trailers. The status is 200, whatever that of the answer was.',
  answers: {
    200: {
      description: 'The answer of the task.',
      streams: { '*/*': undefined },
      headers: {
        'errand-response-status': 'with which status the task has answered',
        'errand-instance': 'which instance has answered',
      },
    },
  },
  errors: ['not_found', 'not_ready', 'deadline_exceeded'],
}

export const removeInvocation: Operation<undefined> = {
  id: 'removeInvocation',
  method: 'DELETE',
  path: '/v1/invocations/{id}',
  scope: 'submit',
  tag: 'invocations',
  summary: 'Forget a request with its answer; one that has not ended is broken off, or never begun.',
  answers: { 204: { description: 'It is forgotten.' } },
  errors: ['not_found', 'storage_full'],
}
