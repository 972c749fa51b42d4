// Upper bounds in seconds. The same for everything of one kind, so that figures can be compared.

/** From a warm answer to the longest wait of a caller. */
export const CALL_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
]

/** From a blink to a week: what executions and queues take. */
export const WORK_SECONDS: readonly number[] = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400, 604_800]
