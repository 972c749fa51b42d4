import { ErrandError } from '../../core/errors.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import { type Principal, seesAll } from '../auth.ts'

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
  if (record !== undefined && isOwn(principal, record)) return record
  throw new ErrandError('not_found', `there is no execution ${id}`)
}

export function isOwn(principal: Principal, { callerId }: { readonly callerId: string }): boolean {
  return seesAll(principal) || callerId === principal.caller.id
}
