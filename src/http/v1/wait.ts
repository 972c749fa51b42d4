import type { Clock } from '../../core/clock.ts'
import { isTerminal, type TerminalStatus } from '../../core/execution.ts'
import { endsWithin } from '../../core/wait.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import { abortable } from '../../util/abort.ts'

export interface WaitDeps {
  readonly executions: Pick<ExecutionsApi, 'getInfo' | 'onEvent' | 'waitForStatus'>
  readonly clock: Clock
}

/** An event comes out as soon as it is kept, a moment before the execution says so itself. */
const MOMENT_MS = 10_000

/**
 * Whether an execution ends within `timeoutMs`, or has already. Reads no output, unlike the executor's own `wait`.
 * @throws not_found; signal.reason
 */
export async function untilEnded(deps: WaitDeps, id: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const { executions, clock } = deps
  const ended = Promise.withResolvers<TerminalStatus>()
  // First, so that no end is missed between a look and the listening.
  using _listening = executions.onEvent(({ executionId, status }) => {
    if (executionId === id && isTerminal(status)) ended.resolve(status)
  })
  const { status } = await executions.getInfo(id)
  if (isTerminal(status)) return true
  // Awaited here: the listening ends with this function.
  return await endsWithin(clock, timeoutMs, signal, async (within) => {
    const last = await abortable(ended.promise, within)
    await executions.waitForStatus(id, last, MOMENT_MS, signal)
  })
}
