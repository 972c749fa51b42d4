import type { SandboxExit } from '../../engine/engine.ts'

interface TimeSpent {
  readonly timeoutMs: number
  /** When it began to run, in whichever process; wall time, as the other two. */
  readonly beganMs: number
  readonly nowMs: number
  /** Of one that has ended already. */
  readonly exit: SandboxExit | undefined
}

/**
 * How much longer an execution may run, at most `timeoutMs` whatever a clock says. What has ended in time has all the time
 * in the world, however late that is found. Pure.
 */
export function timeLeft({ timeoutMs, beganMs, nowMs, exit }: TimeSpent): number {
  const untilMs = exit === undefined ? nowMs : (exit.finishedMs ?? beganMs)
  const ranMs = untilMs - beganMs
  if (exit !== undefined && ranMs <= timeoutMs) return Infinity
  return Math.min(timeoutMs, Math.max(0, timeoutMs - ranMs))
}
