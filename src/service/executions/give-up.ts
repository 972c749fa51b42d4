import type { ErrandError } from '../../core/errors.ts'
import { canMove } from '../../core/execution.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import { isOfHost, unfit } from './recovery.ts'
import { TrackedRecord } from './tracked-record.ts'

type GivingUpDeps = Pick<ExecutionDeps, 'journal' | 'clock' | 'log' | 'watchers'>

/**
 * Settles what an earlier process left and this one cannot take up: one execution must not keep a daemon from starting. Its
 * sandbox, if there is one, belongs to nobody from then on, and is removed as such.
 * @throws the error itself, when it is the host's or the engine's rather than this one execution's
 */
export async function giveUp(deps: GivingUpDeps, left: ExecutionRecord, error: ErrandError): Promise<void> {
  if (isOfHost(error)) throw error
  deps.log.error({ err: error, execution: left.executionId }, 'an execution of an earlier process cannot be taken up')
  await settleUnfit(deps, left, error)
}

/** The last word on one that does not live. */
export async function settleUnfit(
  { journal, clock, watchers = [] }: GivingUpDeps,
  left: ExecutionRecord,
  error: ErrandError,
): Promise<void> {
  for (const watcher of watchers) watcher.began?.(left)
  const record = new TrackedRecord(journal, clock, left, watchers)
  const outcome = unfit(left, error)
  if (!canMove(record.status, outcome.status)) await record.move('finalizing')
  await record.move(outcome.status, { ...outcome, warnings: left.warnings })
}
