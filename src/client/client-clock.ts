import { type Clock, systemClock } from '../core/clock.ts'

/** The system's clock with timers that keep the process alive: a program that waits for an answer must not end before. */
export const clientClock: Clock = {
  ...systemClock,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
