import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { sleep } from '../core/wait.ts'
import { Backoff } from '../util/backoff.ts'

/**
 * Repeats `work` as long as the engine gives no answer: every 10 s in the end. It must bear to be repeated when it has
 * taken effect without saying so.
 * @throws what `work` rejects with otherwise; signal.reason
 */
export async function untilAnswered<T>(clock: Clock, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const backoff = new Backoff(200, 10_000)
  for (;;) {
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      if (ErrandError.from(error).code !== 'engine_unavailable') throw error
      await sleep(clock, backoff.nextMs(), signal)
    }
  }
}
