import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { ExecutionLog } from '../../logs/execution-log.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import { LOG_BYTES } from './plan-execution.ts'

/** Where an execution's files are. */
export interface Place {
  readonly folder: string
  readonly resultsDir: string
}

/** The folder of its scripts, in an execution's own. */
export const PROVISION = 'provision'
/** The folder of what its inputs are held by, or copied to. */
export const INPUTS = 'inputs'
/** What a sandbox is given of it, and may have mounted as long as it lives. */
export const GIVEN: readonly string[] = [PROVISION, INPUTS]

type LogDeps = Pick<ExecutionDeps, 'clock' | 'log'>

export function placeOf({ folder }: Pick<ExecutionDeps, 'folder'>, plan: ExecutionPlan): Place {
  const own = join(folder, plan.executionId)
  return { folder: own, resultsDir: plan.resultsDir ?? join(own, 'results') }
}

export function logFolder({ folder }: Pick<Place, 'folder'>): string {
  return join(folder, 'log')
}

/** @throws not_found; storage_full; storage_error */
export function reopenLog({ clock, log }: LogDeps, place: Place, record: ExecutionRecord): Promise<ExecutionLog> {
  return ExecutionLog.reopen({ folder: logFolder(place), limitBytes: limitOf(record), clock, log })
}

/**
 * Another log in place of one that cannot be had, which is put aside if it is there: most of what was in it the engine has
 * kept. Never fails: while it cannot be made, all output is a gap.
 */
export async function replaceLog(
  { clock, log }: LogDeps,
  place: Place,
  record: ExecutionRecord,
): Promise<ExecutionLog> {
  const folder = logFolder(place)
  await rename(folder, join(place.folder, `log-aside-${randomId()}`)).catch(() => {})
  const options = { folder, limitBytes: limitOf(record), clock, log }
  // At once where that can be: to the next process no log at all would say that somebody has removed the files.
  const replaced = await ExecutionLog.open(options).catch(() => ExecutionLog.openLater(options))
  // Of attempts before this one nobody has kept anything.
  if (record.attempt > 1) replaced.noteGap(record.logs.stdoutBytes + record.logs.stderrBytes)
  return replaced
}

export function undefinedIfGone(error: unknown): undefined {
  if (ErrandError.from(error).code !== 'not_found') throw error
}

function limitOf({ request }: ExecutionRecord): number {
  return request.limits?.logBytes ?? LOG_BYTES
}
