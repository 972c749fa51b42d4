import { seesAll } from '../auth.ts'
import type { ExecutionPage } from '../contract/answers.ts'
import { executionBody } from '../contract/execution-body.ts'
import { cancelBody, emptyBody, execBody, listQuery, noQuery, waitQuery } from '../contract/requests.ts'
import { idempotencyKey, toExecutionRequest } from './execution-request.ts'
import { isOwn, ownRecord } from './ownership.ts'
import { type Route, route } from './route.ts'
import { toTime, viewExecution } from './views.ts'
import { untilEnded } from './wait.ts'

const submit = route({
  method: 'POST',
  path: '/v1/executions',
  scope: 'submit',
  query: noQuery,
  body: executionBody,
  async handle({ request, principal, body, rawBody, signal }, { executions }) {
    const { caller } = principal
    const key = idempotencyKey(request.headers['idempotency-key'], rawBody)
    const asked = { ...toExecutionRequest(body), callerId: caller.id }
    const { record, isNew } = await executions.submit(asked, { caller, signal, ...(key !== undefined && { key }) })
    const headers = { location: `/v1/executions/${record.executionId}` }
    return { status: isNew ? 201 : 200, value: viewExecution(record), headers }
  },
})

const list = route({
  method: 'GET',
  path: '/v1/executions',
  scope: 'read',
  query: listQuery,
  body: emptyBody,
  async handle({ principal, query: { status, limit, cursor } }, { executions }) {
    const page = await executions.page({
      limit,
      ...(!seesAll(principal) && { callerId: principal.caller.id }),
      ...(status !== undefined && { statuses: status }),
      ...(cursor !== undefined && { cursor }),
    })
    // Whose they are is part of what was asked for; that it was heeded must not depend on one place alone.
    const records = page.records.filter((record) => isOwn(principal, record))
    const next = page.cursor === undefined ? {} : { cursor: page.cursor }
    const value: ExecutionPage = { executions: records.map(viewExecution), ...next }
    return { status: 200, value }
  },
})

const get = route({
  method: 'GET',
  path: '/v1/executions/{id}',
  scope: 'read',
  query: noQuery,
  body: emptyBody,
  async handle({ principal, id }, { executions }) {
    return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
  },
})

const remove = route({
  method: 'DELETE',
  path: '/v1/executions/{id}',
  scope: 'submit',
  query: noQuery,
  body: emptyBody,
  async handle({ principal, id, signal }, { executions }) {
    await ownRecord(executions, principal, id)
    await executions.remove(id, undefined, signal)
    return { status: 204 }
  },
})

const wait = route({
  method: 'GET',
  path: '/v1/executions/{id}/wait',
  scope: 'read',
  query: waitQuery,
  body: emptyBody,
  async handle({ principal, id, query: { timeoutMs }, signal }, deps) {
    await ownRecord(deps.executions, principal, id)
    using _slot = deps.streams.take()
    const isEnded = await untilEnded(deps, id, timeoutMs, signal)
    const record = await ownRecord(deps.executions, principal, id)
    return { status: isEnded ? 200 : 202, value: viewExecution(record) }
  },
})

const cancel = route({
  method: 'POST',
  path: '/v1/executions/{id}/cancel',
  scope: 'submit',
  query: noQuery,
  body: cancelBody,
  async handle({ principal, id, body, signal }, { executions }) {
    await ownRecord(executions, principal, id)
    await executions.cancel(id, { ...body, signal })
    return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
  },
})

const exec = route({
  method: 'POST',
  path: '/v1/executions/{id}/exec',
  scope: 'submit',
  query: noQuery,
  body: execBody,
  async handle({ principal, id, body: { argv }, signal }, { executions }) {
    await ownRecord(executions, principal, id)
    const { exitCode, stdout, stderr } = await executions.exec(id, argv, signal)
    return { status: 200, value: { exitCode, stdout, stderr } }
  },
})

const stats = route({
  method: 'GET',
  path: '/v1/executions/{id}/stats',
  scope: 'read',
  query: noQuery,
  body: emptyBody,
  async handle({ principal, id, signal }, { executions }) {
    await ownRecord(executions, principal, id)
    const { timeMs, ...counters } = await executions.stats(id, signal)
    return { status: 200, value: { time: toTime(timeMs), ...counters } }
  },
})

export const EXECUTION_ROUTES: readonly Route[] = [
  submit,
  list,
  get,
  remove,
  wait,
  cancel,
  freezing('pause'),
  freezing('resume'),
  exec,
  stats,
]

function freezing(verb: 'pause' | 'resume'): Route {
  return route({
    method: 'POST',
    path: `/v1/executions/{id}/${verb}`,
    scope: 'submit',
    query: noQuery,
    body: emptyBody,
    async handle({ principal, id, signal }, { executions }) {
      await ownRecord(executions, principal, id)
      await executions[verb](id, signal)
      return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
    },
  })
}
