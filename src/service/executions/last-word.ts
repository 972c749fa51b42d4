import { ErrandError } from '../../core/errors.ts'
import { canMove } from '../../core/execution.ts'
import { sleep } from '../../core/wait.ts'
import { Backoff } from '../../util/backoff.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionParts } from './execution-parts.ts'
import type { Outcome } from './outcome.ts'

/** How an attempt has ended, and what that changes in the record. */
export interface End {
  readonly outcome: Outcome
  readonly changes: Partial<Pick<ExecutionRecord, 'outputs' | 'resources' | 'wasForced'>>
}

/**
 * Records the end of an execution. A journal that cannot take it now may take it later, and until then the sandbox stays as
 * it is. False when it has failed for good, or `detaching` aborts before: what it says last is what will be known.
 */
export async function settleAtLast(parts: ExecutionParts, end: End, detaching: AbortSignal): Promise<boolean> {
  const { deps, plan } = parts
  const backoff = new Backoff(1000, 30_000)
  for (;;) {
    try {
      await settle(parts, end)
      return true
    } catch (error) {
      deps.log.error({ err: error, execution: plan.executionId }, 'the end of an execution could not be recorded')
      if (detaching.aborted || ErrandError.from(error).retryAfterMs === undefined) return false
      await sleep(deps.clock, backoff.nextMs(), detaching).catch(() => {})
    }
  }
}

async function settle({ record, files }: ExecutionParts, { outcome, changes }: End): Promise<void> {
  await files.end()
  if (!canMove(record.status, outcome.status)) await record.move('finalizing')
  const warnings = [...record.value.warnings, ...outcome.warnings]
  await record.move(outcome.status, { ...outcome, ...changes, warnings, logs: files.totals })
}
