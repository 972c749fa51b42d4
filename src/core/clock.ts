/** The only source of time, so that tests can own it. Durations use `monotonicMs`; wall time is for showing to people. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump. */
  wallMs(): number
  /** Milliseconds since some fixed point; never goes back. */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs`. Disposing cancels. A timer never keeps the process alive. */
  setTimer(delayMs: number, callback: () => void): Disposable
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
