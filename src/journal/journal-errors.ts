import { ErrandError } from '../core/errors.ts'

export function alreadyExists(executionId: string): ErrandError {
  return new ErrandError('already_exists', `there is an execution ${executionId} already`, { details: { executionId } })
}

export function notFound(executionId: string): ErrandError {
  return new ErrandError('not_found', `there is no execution ${executionId}`, { details: { executionId } })
}

export function keyConflict(): ErrandError {
  return new ErrandError('key_conflict', 'the idempotency key stands for another request already')
}
