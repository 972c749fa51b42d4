import type { InvocationRecord } from '../../service/invocations/invocation-record.ts'
import type { LaterApi } from '../../service/invocations/later-api.ts'
import { type Principal, seesAll } from '../auth.ts'
import {
  getInvocation,
  listInvocations,
  readInvocationResponse,
  removeInvocation,
  waitForInvocation,
} from '../contract/operations/invocations.ts'
import { HARMLESS, INSTANCE } from './caller-answer.ts'
import { isOwn, ownOf } from './ownership.ts'
import { type Route, route } from './route.ts'
import { StreamAnswer } from './stream-answer.ts'
import { viewInvocation } from './views.ts'

const list = route(listInvocations, async ({ principal, query: { limit, cursor } }, { later }) => {
  const page = await later.page(seesAll(principal) ? undefined : principal.caller.id, limit, cursor)
  const invocations = page.records.filter((record) => isOwn(principal, record)).map(viewInvocation)
  return { status: 200, value: { invocations, ...(page.cursor !== undefined && { cursor: page.cursor }) } }
})

const get = route(getInvocation, async ({ principal, id }, { later }) => {
  return { status: 200, value: viewInvocation(await ownInvocation(later, principal, id)) }
})

const wait = route(waitForInvocation, async ({ principal, id, query: { timeoutMs }, signal }, { later, waits }) => {
  await ownInvocation(later, principal, id)
  using _slot = waits.take(principal.caller.id)
  const isEnded = await later.untilEnded(id, timeoutMs, signal)
  return { status: isEnded ? 200 : 202, value: viewInvocation(await ownInvocation(later, principal, id)) }
})

const read = route(readInvocationResponse, async ({ principal, id, response, signal }, { later, streams, clock }) => {
  await ownInvocation(later, principal, id)
  using _slot = streams.take(principal.caller.id)
  const { status, bytes, instanceId, headers, body } = await later.openAnswer(id)
  using answer = new StreamAnswer(response, clock, signal)
  const ours = ['errand-response-status', `${status}`, INSTANCE, instanceId, 'content-length', `${bytes}`]
  try {
    answer.pass(200, [...withoutLength(headers), ...HARMLESS, ...ours])
    if (answer.isOver) return undefined
    for await (const piece of body) await answer.write(piece as Buffer)
    answer.end()
  } finally {
    body.destroy()
  }
  return undefined
})

const remove = route(removeInvocation, async ({ principal, id }, { later }) => {
  await ownInvocation(later, principal, id)
  await later.remove(id)
  return { status: 204 }
})

export const INVOCATION_ROUTES: readonly Route[] = [list, get, wait, read, remove]

/** @throws not_found for another's, as for one that does not exist */
async function ownInvocation(later: LaterApi, principal: Principal, id: string): Promise<InvocationRecord> {
  return ownOf(principal, await later.get(id), `invocation ${id}`)
}

/** To a HEAD a task tells the length of what it does not send. */
function withoutLength(headers: readonly string[]): string[] {
  const isLength = (index: number): boolean => headers[index - (index % 2)]?.toLowerCase() === 'content-length'
  return headers.filter((_, index) => !isLength(index))
}
