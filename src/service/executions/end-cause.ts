import type { EngineRun } from '../../instance/engine-run.ts'
import type { SandboxEnd } from '../../instance/exit-observer.ts'

/** Who or what ended an execution's processes, where we did not. */
export type EndCause =
  /** They themselves, or the kernel: for want of memory, or on the word of a process of this host. */
  | 'itself'
  /** The engine, on its way down or back. */
  | 'engine'
  /** What ran it for the engine was lost. */
  | 'runtime'
  /** Somebody who uses the engine as we do. */
  | 'somebody'

/** The exit codes of SIGKILL and SIGTERM, with which engines end what they cannot keep. */
const ENGINE_EXITS: ReadonlySet<number> = new Set([137, 143])
/** What an engine tells of an end that it has missed: `UnknownExitStatus` in containerd's `task.go`. */
const UNKNOWN_EXIT = 255
/** An engine that comes back takes up the output of what ran on after so much time at most. */
const TAKING_UP_MS = 5000

/** Whether only an engine that was asked just now can tell why it ended. Pure. */
export function isStrange({ exitCode, wasStopped, isRuntimeLost, isOomKilled }: SandboxEnd): boolean {
  if (exitCode === undefined || isOomKilled) return false
  return wasStopped === true || isRuntimeLost === true || exitCode === UNKNOWN_EXIT || ENGINE_EXITS.has(exitCode)
}

/** `madeBy`: when the engine was started that made it. Pure. */
export function causeOf(end: SandboxEnd, madeBy: number | undefined, run: EngineRun): EndCause {
  const { exitCode, finishedMs, isOomKilled } = end
  if (exitCode === undefined || isOomKilled) return 'itself'
  // Nothing outlives such an engine: what did not end by itself meanwhile, with a code of its own, was ended by it.
  const isByNextRun = finishedMs !== undefined && run.startedMs !== undefined && finishedMs >= run.startedMs
  if (isOtherRun(madeBy, run) && !run.outlivesRestart && (isStrange(end) || isByNextRun)) return 'engine'
  if (end.isRuntimeLost === true || (exitCode === UNKNOWN_EXIT && mayLackOutput(end, madeBy, run))) return 'runtime'
  return end.wasStopped === true ? 'somebody' : 'itself'
}

/** What a sandbox prints that ends while its engine is away, the engine cannot keep. Pure. */
export function mayLackOutput({ finishedMs }: SandboxEnd, madeBy: number | undefined, run: EngineRun): boolean {
  if (!isOtherRun(madeBy, run)) return false
  return finishedMs === undefined || finishedMs <= (run.startedMs ?? 0) + TAKING_UP_MS
}

function isOtherRun(madeBy: number | undefined, { startedMs }: EngineRun): boolean {
  return madeBy !== undefined && startedMs !== undefined && startedMs !== madeBy
}
