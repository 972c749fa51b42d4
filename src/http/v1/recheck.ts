import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'

/** How long somebody whose token was revoked may go on reading. */
const RECHECK_MS = 15_000

/**
 * Asks from time to time whether a caller may still do what it does, since streams and waits last; `onRefused` is called
 * once if not. Ends when disposed.
 */
export function recheck(
  clock: Clock,
  check: () => Promise<void>,
  onRefused: (reason: ErrandError) => void,
): Disposable {
  let isOver = false
  const look = async (): Promise<void> => {
    try {
      await check()
      if (!isOver) timer = clock.setTimer(RECHECK_MS, () => void look())
    } catch (error) {
      if (!isOver) onRefused(ErrandError.from(error))
    }
  }
  let timer = clock.setTimer(RECHECK_MS, () => void look())
  return {
    [Symbol.dispose]() {
      isOver = true
      timer[Symbol.dispose]()
    },
  }
}
