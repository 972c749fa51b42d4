import type { Armed, Deadlines } from '../../core/deadlines.ts'
import { ErrandError } from '../../core/errors.ts'

/** How long somebody whose token was revoked may go on reading. */
const RECHECK_MS = 15_000

/**
 * Asks from time to time whether a caller may still do what it does, since streams and waits last; `onRefused` is called
 * once if not. Ends when disposed.
 */
export function recheck(
  deadlines: Deadlines,
  check: () => Promise<void>,
  onRefused: (reason: ErrandError) => void,
): Disposable {
  let isOver = false
  const later = (): Armed => deadlines.arm(RECHECK_MS, () => void look())
  const look = async (): Promise<void> => {
    try {
      await check()
      if (!isOver) armed = later()
    } catch (error) {
      if (!isOver) onRefused(ErrandError.from(error))
    }
  }
  let armed = later()
  return {
    [Symbol.dispose]() {
      isOver = true
      deadlines.disarm(armed)
    },
  }
}
