import type { Standing } from '../../admission/admission-request.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { Execution } from './execution.ts'

/** Where those stand that wait for resources. */
interface Queue {
  standing(executionId: string): Standing | undefined
}

/** All that is known of one that lives: its record, and what is not kept: what it waits for, and how far its image is. */
export function liveRecord(live: Execution, admission: Queue): ExecutionRecord {
  const record = live.record.value
  const queue = record.status === 'queued' ? queueOf(live, admission) : undefined
  const pull = record.status === 'pulling' ? live.pullProgress : undefined
  return { ...record, ...(queue !== undefined && { queue }), ...(pull !== undefined && { pull }) }
}

function queueOf({ record, uploads }: Execution, admission: Queue): ExecutionRecord['queue'] {
  if (uploads.isAwaited) return { reason: 'waits for inputs' }
  const standing = admission.standing(record.value.executionId)
  if (standing === undefined) return undefined
  const { position, missing } = standing
  const reason = missing.length === 0 ? 'others come first' : `waits for ${missing.join(', ')}`
  return { position, reason }
}
