import { invalidField } from '../../core/read-value.ts'
import { DEFAULT_RESOURCES } from '../../core/resources.ts'
import type { TaskRecord, TaskRequest } from '../../service/tasks/task-request.ts'
import { type Principal, seesAll } from '../auth.ts'
import { getTask, listTasks, putTask, removeTask } from '../contract/operations/tasks.ts'
import type { NamedTaskBody } from '../contract/task-body.ts'
import type { TaskView } from '../contract/task-view.ts'
import { inWordsOfTask } from './body-fields.ts'
import { toResources } from './execution-request.ts'
import { ownOf } from './ownership.ts'
import { type Route, route } from './route.ts'
import { toTime, viewGpuRequest } from './views.ts'

const list = route(listTasks, async ({ principal, query: { limit, cursor } }, { tasks }) => {
  const callerId = seesAll(principal) ? undefined : principal.caller.id
  const page = tasks.page(callerId, limit, cursor === undefined ? '' : readCursor(cursor))
  const next = page.cursor === undefined ? {} : { cursor: Buffer.from(page.cursor).toString('base64url') }
  return { status: 200, value: { tasks: page.tasks.map(viewTask), ...next } }
})

const get = route(getTask, async ({ principal, id, query: { caller } }, { tasks }) => {
  return { status: 200, value: viewTask(tasks.load(ownerFor(principal, caller, id), id).record) }
})

const put = route(putTask, async ({ principal, id, body }, { tasks }) => {
  const defined = tasks.put(principal.caller.id, id, toTaskRequest(body))
  const { record, isNew } = await defined.catch((error: unknown) => {
    throw inWordsOfTask(error)
  })
  const headers = isNew ? { location: `/v1/tasks/${id}` } : {}
  return { status: isNew ? 201 : 200, value: viewTask(record), headers }
})

const remove = route(removeTask, async ({ principal, id, query: { caller } }, { tasks }) => {
  await tasks.remove(ownerFor(principal, caller, id), id)
  return { status: 204 }
})

export const TASK_ROUTES: readonly Route[] = [list, get, put, remove]

/** The place of a task in the list: its name and its caller. @throws validation_failed for a cursor that is none */
function readCursor(cursor: string): string {
  const place = Buffer.from(cursor, 'base64url').toString()
  if (Buffer.from(place).toString('base64url') === cursor && /^[a-z0-9][a-z0-9-]{0,62} [^ ]/.test(place)) return place
  throw invalidField('cursor', 'is none that was handed out')
}

/** @throws not_found for another's, as for one that does not exist */
function ownerFor(principal: Principal, asked: string | undefined, name: string): string {
  return ownOf(principal, { callerId: asked ?? principal.caller.id }, `task ${name}`).callerId
}

function toTaskRequest({ resources, provision, ...rest }: NamedTaskBody): TaskRequest {
  return {
    ...rest,
    ...(resources !== undefined && { resources: toResources(resources) }),
    ...(provision !== undefined && { provisionScripts: provision }),
  }
}

/** Field by field, as all that is told. The values of variables may be secrets, and scripts may hold some. */
function viewTask({ name, callerId, request, createdMs, updatedMs }: TaskRecord): TaskView {
  const { image, entrypoint, cmd, env = {}, workingDir, user, isolation = 'container', sgx = false } = request
  const { network, profile, preset, provisionScripts, port, readiness = 'connect', concurrency } = request
  const { keepAliveMs, startTimeoutMs, requestTimeoutMs } = request
  return {
    name,
    caller: callerId,
    created: toTime(createdMs),
    updated: toTime(updatedMs),
    image,
    ...(entrypoint !== undefined && { entrypoint }),
    ...(cmd !== undefined && { cmd }),
    env: Object.keys(env),
    ...(workingDir !== undefined && { workingDir }),
    ...(user !== undefined && { user }),
    resources: viewAsked(request),
    isolation,
    sgx,
    ...(network !== undefined && { network }),
    ...(profile !== undefined && { profile }),
    ...(preset !== undefined && { preset }),
    ...(provisionScripts !== undefined && { provision: provisionScripts.map(({ name: script }) => script) }),
    ...(port !== undefined && { port }),
    readiness,
    ...(concurrency !== undefined && { concurrency }),
    ...(keepAliveMs !== undefined && { keepAliveMs }),
    ...(startTimeoutMs !== undefined && { startTimeoutMs }),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
  }
}

/** With the defaults, as the task has them. */
function viewAsked({ resources = {} }: TaskRequest): TaskView['resources'] {
  const { cpu = 0, memoryBytes = 0, gpus = [], diskBytes = 0, pids = 0 } = resources
  return {
    cpu: cpu || DEFAULT_RESOURCES.cpuMillis / 1000,
    memory: memoryBytes || DEFAULT_RESOURCES.memoryBytes,
    ...(diskBytes > 0 && { disk: diskBytes }),
    ...(pids > 0 && { pids }),
    gpus: gpus.map(viewGpuRequest),
  }
}
