import { ErrandError } from '../../core/errors.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import { type Principal, seesAll } from '../auth.ts'

interface Owned {
  readonly callerId: string
}

/** The record of an execution that is the caller's. @throws not_found for another's, as for one that does not exist */
export async function ownRecord(
  executions: Pick<ExecutionsApi, 'getInfo'>,
  principal: Principal,
  id: string,
): Promise<ExecutionRecord> {
  const record = await executions.getInfo(id).catch((error: unknown) => {
    if (error instanceof ErrandError && error.code === 'not_found') return undefined
    throw error
  })
  return ownOf(principal, record, `execution ${id}`)
}

/** What was found, if the caller may see it. @throws not_found for another's, as for what does not exist */
export function ownOf<T extends Owned>(principal: Principal, found: T | undefined, what: string): T {
  if (found !== undefined && isOwn(principal, found)) return found
  throw new ErrandError('not_found', `there is no ${what}`)
}

export function isOwn(principal: Principal, { callerId }: Owned): boolean {
  return seesAll(principal) || callerId === principal.caller.id
}
