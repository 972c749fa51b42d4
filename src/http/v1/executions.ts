import { seesAll } from '../auth.ts'
import type { ExecutionPage, ExecutionView } from '../contract/execution-view.ts'
import type { Operation } from '../contract/operation.ts'
import {
  cancelExecution,
  execInExecution,
  getExecution,
  getExecutionStats,
  listExecutions,
  pauseExecution,
  removeExecution,
  resumeExecution,
  submitExecution,
  waitForExecution,
} from '../contract/operations/executions.ts'
import { inWordsOfExecution } from './body-fields.ts'
import { idempotencyKey, toExecutionRequest } from './execution-request.ts'
import { isOwn, ownRecord } from './ownership.ts'
import { toPageQuery } from './page-query.ts'
import { type Route, route } from './route.ts'
import { traceOf } from './trace.ts'
import { viewExecution, viewStats } from './views.ts'
import { untilEnded } from './wait.ts'

const submit = route(submitExecution, async ({ request, principal, body, rawBody, signal }, { executions }) => {
  const { caller } = principal
  const key = idempotencyKey(request.headers['idempotency-key'], rawBody)
  const asked = { ...toExecutionRequest(body), callerId: caller.id }
  const options = { caller, signal, ...(key !== undefined && { key }), ...traceOf(request) }
  const submitted = executions.submit(asked, options)
  const { record, isNew } = await submitted.catch((error: unknown) => {
    throw inWordsOfExecution(error, body)
  })
  const headers = { location: `/v1/executions/${record.executionId}` }
  return { status: isNew ? 201 : 200, value: viewExecution(record), headers }
})

const list = route(listExecutions, async ({ principal, query }, { executions }) => {
  const own = seesAll(principal) ? {} : { callerId: principal.caller.id }
  const page = await executions.page({ ...toPageQuery(query), ...own })
  // Whose they are is part of what was asked for; that it was heeded must not depend on one place alone.
  const records = page.records.filter((record) => isOwn(principal, record))
  const next = page.cursor === undefined ? {} : { cursor: page.cursor }
  const value: ExecutionPage = { executions: records.map(viewExecution), ...next }
  return { status: 200, value }
})

const get = route(getExecution, async ({ principal, id }, { executions }) => {
  return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
})

const remove = route(removeExecution, async ({ principal, id, signal }, { executions }) => {
  await ownRecord(executions, principal, id)
  await executions.remove(id, undefined, signal)
  return { status: 204 }
})

const wait = route(waitForExecution, async ({ principal, id, query: { timeoutMs }, signal }, deps) => {
  await ownRecord(deps.executions, principal, id)
  using _slot = deps.waits.take(principal.caller.id)
  const isEnded = await untilEnded(deps, id, timeoutMs, signal)
  const record = await ownRecord(deps.executions, principal, id)
  return { status: isEnded ? 200 : 202, value: viewExecution(record) }
})

const cancel = route(cancelExecution, async ({ principal, id, body, signal }, { executions }) => {
  await ownRecord(executions, principal, id)
  await executions.requestCancel(id, { ...body, signal })
  return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
})

const exec = route(
  execInExecution,
  async ({ principal, id, body: { env, ...rest }, signal }, { executions, streams }) => {
    await ownRecord(executions, principal, id)
    using _slot = streams.take(principal.caller.id)
    const command = { ...rest, ...(env !== undefined && { environment: env }) }
    return { status: 200, value: await executions.command(id, command, signal) }
  },
)

const stats = route(getExecutionStats, async ({ principal, id, signal }, { executions }) => {
  await ownRecord(executions, principal, id)
  return { status: 200, value: viewStats(await executions.stats(id, signal)) }
})

export const EXECUTION_ROUTES: readonly Route[] = [
  submit,
  list,
  get,
  remove,
  wait,
  cancel,
  freezing('pause', pauseExecution),
  freezing('resume', resumeExecution),
  exec,
  stats,
]

function freezing(verb: 'pause' | 'resume', operation: Operation<ExecutionView>): Route {
  return route(operation, async ({ principal, id, signal }, { executions }) => {
    await ownRecord(executions, principal, id)
    await executions[verb](id, signal)
    return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
  })
}
