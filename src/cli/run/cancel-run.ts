import type { ErrandClient } from '../../client/client.ts'
import { clientClock } from '../../client/client-clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { sleep } from '../../core/wait.ts'
import { PATIENT } from '../with-client.ts'

const AGAIN_MS = 300

/**
 * Asks for the end of an execution until the node has heard it or the signal aborts. One that has ended, or is gone, is what
 * was wanted. @throws what the node refuses it with
 */
export async function cancelRun({ executions }: ErrandClient, id: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await executions.cancel(id, { ...PATIENT, signal })
      return
    } catch (error) {
      const { code } = ErrandError.from(error)
      if (signal.aborted || code === 'already_ended' || code === 'not_found') return
      // Its answer was lost, and it itself may have been: the client asks only once what it cannot know to be harmless.
      if (code !== 'node_unavailable') throw error
      await sleep(clientClock, AGAIN_MS, signal).catch(() => {})
    }
  }
}
