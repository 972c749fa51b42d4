import type { ErrandClient } from '../../client/client.ts'
import { clientClock } from '../../client/client-clock.ts'
import { sleep } from '../../core/wait.ts'
import { PATIENT } from '../with-client.ts'
import { describeProgress, type StatusLine } from './status-line.ts'

interface Watched {
  readonly id: string
  /** As it was asked for. */
  readonly image: string
}

const LOOK_MS = 300

/**
 * Says what an execution waits for, until it runs or the signal aborts. Only for people, so that whatever goes wrong with it
 * is of no account. Never rejects.
 */
export async function showProgress(
  { executions }: ErrandClient,
  { id, image }: Watched,
  line: StatusLine,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      const record = await executions.get(id, { ...PATIENT, signal })
      signal.throwIfAborted()
      const text = describeProgress(record, image)
      if (text === undefined) return line.clear()
      line.show(text)
      await sleep(clientClock, LOOK_MS, signal)
    }
  } catch {
    line.clear()
  }
}
