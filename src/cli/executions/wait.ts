import type { ExecutionView } from '../../client/client.ts'
import { readDuration } from '../flag-values.ts'
import { forEach } from '../for-each.ts'
import { jsonDocuments } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import { runStatus } from '../run/run-status.ts'
import type { Terminal } from '../terminal.ts'
import { PATIENT } from '../with-client.ts'
import type { WaitFlags } from './flags.ts'
import { describeStatus } from './list.ts'

/**
 * Waits until all have ended. Resolves with what `errand run` would have ended with: of several, that of the first in their
 * order which did not end well.
 */
export async function waitFor(
  ids: readonly string[],
  { timeout, ...flags }: WaitFlags,
  terminal: Terminal,
): Promise<number> {
  const timeoutMs = timeout === undefined ? {} : { timeoutMs: readDuration('--timeout', timeout) }
  const statuses: number[] = []
  await forEach<ExecutionView>(ids, flags, terminal, {
    act: async ({ executions }, id, signal) => {
      // What is not there, or cannot be reached, is told at once: what is patient would wait for it.
      await executions.get(id, { signal })
      return executions.wait(id, { ...PATIENT, ...timeoutMs, signal })
    },
    show: (record) => {
      statuses.push(runStatus(record))
      if (flags.json === true) return jsonDocuments(record, ids.length)
      return ids.length === 1 ? '' : `${record.id}  ${neutralize(describeStatus(record))}\n`
    },
  })
  return statuses.find((status) => status !== 0) ?? 0
}
