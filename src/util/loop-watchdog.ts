import { BackgroundWork } from './background-work.ts'
import type { Heartbeat } from './heartbeat.ts'

const PERIOD_MS = 1000
/** This thread was held up, too, if it looks later than that: then it is not the main thread's own doing. */
const MOST_LATE_MS = 500

export interface LoopWatchdogDeps {
  readonly heartbeat: Heartbeat
  readonly clock: {
    monotonicMs(): number
    setTimer(delayMs: number, callback: () => void): Disposable
  }
  /** Where the main thread is, the innermost frame first. */
  readonly findStack?: () => Promise<readonly string[]>
}

/**
 * Looks from another thread whether the main thread comes round. Where it does not for a second or two, it leaves the stack of
 * what holds it up, for the main thread to take once it goes on. Begins with the first beat, and ends when disposed.
 */
export class LoopWatchdog implements Disposable {
  readonly #deps: LoopWatchdogDeps
  readonly #background = new BackgroundWork()
  #timer: Disposable | undefined
  #dueMs = 0
  #beatsBefore = 0
  #isFinding = false
  /** The count at which a stack was found, so that it is found once. */
  #foundAt = 0

  constructor(deps: LoopWatchdogDeps) {
    this.#deps = deps
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }

  #arm(): void {
    const { clock } = this.#deps
    this.#dueMs = clock.monotonicMs() + PERIOD_MS
    this.#timer = clock.setTimer(PERIOD_MS, () => this.#look())
  }

  #look(): void {
    const { heartbeat, clock } = this.#deps
    const { beats } = heartbeat
    const isStill = beats > 0 && beats === this.#beatsBefore && clock.monotonicMs() - this.#dueMs < MOST_LATE_MS
    this.#beatsBefore = beats
    if (isStill && beats !== this.#foundAt && !this.#isFinding) this.#background.add(this.#find(beats))
    this.#arm()
  }

  async #find(beats: number): Promise<void> {
    const { heartbeat, findStack = findMainStack } = this.#deps
    this.#isFinding = true
    try {
      const frames = await findStack()
      // What it is about once it goes on is no matter.
      if (heartbeat.beats === beats && frames.length > 0) heartbeat.leaveStack(frames)
      this.#foundAt = beats
    } catch {
      // The warning says as much as there is to say without it.
    } finally {
      this.#isFinding = false
    }
  }
}

/** V8's inspector is loaded when it is needed: it takes megabytes. */
async function findMainStack(): Promise<readonly string[]> {
  const { sampleMainThread } = await import('./main-thread-stack.ts')
  return sampleMainThread()
}
