import type { IdSource } from '../../core/ids.ts'
import { presetNames } from '../../core/presets.ts'
import type { ExecutionRecord, ExecutionTerms } from '../executor.ts'
import type { ExecutionDefaults, ExecutionPlan } from './execution-plan.ts'
import { planExecution } from './plan-execution.ts'

/** What is kept of a plan, so that it is the same in a later process. */
export function termsOf(plan: ExecutionPlan): ExecutionTerms {
  const { profile, resources, pidsLimit, diskBytes, queueTimeoutMs, pullTimeoutMs, timeoutMs, graceMs } = plan
  const { logBytes, outputBytes, outputFiles, retentionMs } = plan
  const given = { ...(pidsLimit !== undefined && { pidsLimit }), ...(timeoutMs !== undefined && { timeoutMs }) }
  const times = { queueTimeoutMs, pullTimeoutMs, graceMs, retentionMs }
  return { profile, resources, diskBytes, ...times, logBytes, outputBytes, outputFiles, ...given }
}

/**
 * The plan of one that was accepted before: as it was then, whatever its owner has decided since. A preset that it was
 * granted stays granted.
 * @throws validation_failed for a record that cannot be read as a request
 */
export function planAgain(record: ExecutionRecord, defaults: ExecutionDefaults, newId: IdSource): ExecutionPlan {
  const { executionId, jobId, callerId, request, terms } = record
  const granting = { ...defaults, presets: presetNames() }
  const plan = planExecution({ ...request, executionId, jobId, callerId }, granting, newId)
  if (terms === undefined) return plan
  return { ...plan, ...terms, pidsLimit: terms.pidsLimit, timeoutMs: terms.timeoutMs }
}
