import { runStatus } from '../run/run-status.ts'
import type { Terminal } from '../terminal.ts'
import { type WaitFlags, waitForEach } from '../wait-for-each.ts'
import { describeStatus } from './list.ts'

/** Waits until all have ended. Resolves with what `errand run` would have ended with, of several for the first that failed. */
export function waitFor(ids: readonly string[], flags: WaitFlags, terminal: Terminal): Promise<number> {
  return waitForEach(ids, flags, terminal, {
    of: ({ executions }) => executions,
    statusOf: runStatus,
    describe: describeStatus,
  })
}
