/** The only source of time, so that tests can own it. Durations use `monotonicMs`; wall time is for showing to people. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump. */
  wallMs(): number
  /** Milliseconds since some fixed point, the same for all processes of one boot of this host; never goes back. */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs`. Disposing cancels. A timer never keeps the process alive. */
  setTimer(delayMs: number, callback: () => void): Disposable
}

/** Both count on the kernel's monotonic clock, one from the boot and the other from the start of this process. */
const PROCESS_STARTED_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => PROCESS_STARTED_MS + performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
